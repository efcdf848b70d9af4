#compdef layerlab
# Completes command lines of layerlab: a file _layerlab in a folder of fpath
_layerlab() {
    local -a found
    local line
    for line in "${(@f)$($words[1] __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe layerlab found
    else
        _files
    fi
}
if [[ $funcstack[1] == _layerlab ]]; then
    _layerlab "$@"
else
    compdef _layerlab layerlab
fi
