#!/bin/sh
# corpus.sh ROOT WORK: tests/corpus/run with a program in gsx's place that misbehaves by the file it is
# given, and one that does not.
set -eu
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/files/sub folder" "$work/good"
cat >"$work/gsx" <<'END'
#!/bin/sh
case "$1 $2" in
  train*) mkdir -p "$5/samples" && : >"$5/model.safetensors" && : >"$5/samples/a.png" ;;
  inspect*signal) kill -SEGV $$ ;;
  inspect*hang) sleep 60 ;;
  inspect*text) echo 'gsx: basic_string::append' >&2 && exit 1 ;;
  inspect*sanitizer) echo 'x.cpp:1: runtime error: overflow' >&2 && exit 1 ;;
  inspect*silent) exit 1 ;;
  inspect*code) echo 'gsx: no' >&2 && exit 7 ;;
  inspect*) echo 'gsx: no model' >&2 && exit 1 ;;
esac
END
chmod +x "$work/gsx"

# call EXIT_CODE ARGUMENTS...
call() {
  want=$1
  shift
  code=0
  GSX="$work/gsx" LIMIT_SECONDS=2 "$root/tests/corpus/run" "$@" >"$work/out" 2>"$work/err" || code=$?
  [ "$code" = "$want" ] || wrong "exit code $code, expected $want"
}
wrong() {
  echo "corpus: $*" >&2
  cat "$work/out" "$work/err" >&2
  exit 1
}

for name in signal hang text sanitizer silent code; do : >"$work/files/sub folder/$name"; done
: >"$work/good/a.png"
call 1 "$work/files" "$work/good"
for fault in 'signal: gsx inspect ended by signal 11' 'hang: gsx inspect was killed after 2 s' \
  'text: gsx inspect prints the text of a library' 'silent: gsx inspect fails without a word' \
  "sanitizer: gsx inspect has a sanitizer's report" 'code: gsx inspect ended with exit code 7' \
  '7 files, 21 runs, 6 faults'; do
  grep -qF -- "$fault" "$work/out" || wrong "not reported: $fault"
done
call 0 "$work/good"
call 2
call 2 "$work/none"
