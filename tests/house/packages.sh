# Makes the Debian packages of a build, puts them into a root of their own, uses what came of it and takes
# them out again: nothing stays. packages.sh BUILD SOURCE WORK
set -eu
build=$1 source=$2 work=$3
rm -rf "$work"
root=$work/root
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info" "$work/bin"
touch "$root/var/lib/dpkg/status"
# What packages with a library call when they come and go; here there is nothing for it to do.
printf '#!/bin/sh\n' > "$work/bin/ldconfig"
chmod +x "$work/bin/ldconfig"
export PATH="$work/bin:$PATH:/usr/sbin:/sbin"

cpack --config "$build/CPackConfig.cmake" -B "$work" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for package in gsx libgsx-dev; do
  file=$(ls "$work/$package"_*.deb)
  dpkg-deb --field "$file" Depends | grep -q libc6
  # The package's files are the user's to read, and lie under /usr alone.
  dpkg-deb --contents "$file" | awk '$6 != "./" && $6 !~ /^\.\/usr\// {bad = 1} $2 != "root/root" {bad = 1} END {exit bad}'
done

in_root() {
  dpkg --root="$root" --force-not-root --force-depends --force-script-chrootless --log=/dev/null "$@" \
    > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}
in_root --install "$work"/*.deb
"$root/usr/bin/gsx" --version | grep -q '^gsx [0-9]'
"$root/usr/bin/gsx" bench --help > /dev/null
for file in share/man/man1/gsx-train.1 share/bash-completion/completions/gsx \
  share/zsh/vendor-completions/_gsx share/fish/vendor_completions.d/gsx.fish share/doc/gsx/copyright \
  share/doc/libgsx-dev/copyright include/gsx/gsx.h include/gsx.h; do
  test -s "$root/usr/$file" || { echo "packages: no $file" >&2; exit 1; }
done
# What runs in browsers comes along where it was built.
if [ -s "$build/web/gsx.wasm" ]; then test -s "$root/usr/share/gsx/web/gsx.wasm"; fi
library=$(dirname "$(find "$root/usr" -name gsx_c.pc)")
flags=$(PKG_CONFIG_PATH=$library pkg-config --cflags --libs gsx_c)
${CC:-cc} "$source/docs/examples/translate.c" $flags -o "$work/translate"
LD_LIBRARY_PATH=$library/.. "$work/translate" 2>&1 | grep -q "usage"
# One goes without the other, and nothing stays.
in_root --purge gsx
test ! -e "$root/usr/bin/gsx" && test -e "$root/usr/include/gsx.h"
in_root --purge libgsx-dev
left=$(find "$root" -path "$root/var" -prune -o ! -type d -print)
[ -z "$left" ] || { echo "packages: left behind: $left" >&2; exit 1; }
test ! -e "$root/usr"
