# What is made of the tables of flags: docs/cli.md is as they are, man pages are without a warning, and
# shells take the completions and complete by them. reference.sh SOURCE GSX_REFERENCE WORK
set -eu
source=$1 reference=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
"$reference" --markdown > "$work/cli.md"
cmp "$work/cli.md" "$source/docs/cli.md" || {
  echo "docs/cli.md is not what the program says: gsx-reference --markdown > docs/cli.md" >&2
  exit 1
}
"$reference" "$work/share"
if command -v groff > /dev/null; then
  for page in "$work"/share/man/man1/*; do
    warnings=$(groff -man -ww -Tutf8 "$page" 2>&1 > /dev/null)
    [ -z "$warnings" ] || { echo "$warnings" >&2; exit 1; }
  done
fi
for command in "" -train -export -bench; do test -s "$work/share/man/man1/gsx$command.1"; done
if command -v zsh > /dev/null; then zsh -n "$work/share/zsh/site-functions/_gsx"; fi
if command -v fish > /dev/null; then
  fish -n "$work/share/fish/vendor_completions.d/gsx.fish"
  fish -c "source $work/share/fish/vendor_completions.d/gsx.fish; complete -C 'gsx train --quant-grid pa'" |
    grep -q "^paper"
fi

command -v bash > /dev/null || exit 0
# completes WORD... : what the last word may become
completes() {
  bash -c '
    source "$1"
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _gsx
    echo "${COMPREPLY[@]}"' - "$work/share/bash-completion/completions/gsx" "$@"
}
expect() {
  [ "$1" = "$2" ] || { echo "completion: expected '$2', got '$1'" >&2; exit 1; }
}
expect "$(completes gsx exp)" "export"
expect "$(completes gsx export --pa)" "--pad"
expect "$(completes gsx export --pad sl)" "slice-concat"
expect "$(completes gsx export --pad = r)" "reflect"
expect "$(completes gsx train --method gs)" "gs32 gs8 gs8-mse"
expect "$(completes gsx train --teacher x)" ""
