# Completes command lines of layerlab: ~/.config/fish/completions/layerlab.fish
function __layerlab_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c layerlab -f -a '(__layerlab_complete)'
