# Programs of Debian 12, each by name and exact version (NAME=VERSION), with what they need that is not here:
# unpacked below ./debian, and not installed.
unpack() {
  mkdir -p debs/partial debian
  apt-get install -q -y -o DPkg::Lock::Timeout=300 --reinstall --download-only -o Dir::Cache::archives="$PWD/debs" -o APT::Sandbox::User=root "$@" >/dev/null
  for deb in debs/*.deb; do dpkg -x "$deb" debian; done
}
