# Completes command lines of layerlab: eval "$(layerlab completion bash)"
_layerlab() {
    local line=${COMP_LINE:0:COMP_POINT} words prefix
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null | cut -f1)
    # Bash takes a colon for the end of a word, and wants what comes after it only.
    prefix=${words[-1]%"${words[-1]##*:}"}
    [[ -n $prefix && $COMP_WORDBREAKS == *:* ]] && COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    [[ ${COMPREPLY[0]-} == */ ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _layerlab layerlab
