# setup.sh - sourced by the other scripts: which Debian packages are needed, and how they come.
#
#   need build            what compiles and runs voiced
#   need test             what the tests use besides (browser, voices, compilers' runtimes)
#   need bench            what the benchmarks measure against
#   need search           what a search is measured against
#
# A package that is there already costs one look-up; only missing ones are installed: by root at once,
# by others through sudo after asking. --yes (in "$YES") answers the question.

BUILD_PACKAGES=(
	gcc libc6-dev meson ninja-build pkg-config
	libuv1-dev libhttp-parser-dev libwslay-dev libssl-dev libjansson-dev
	libsrtp2-dev libusrsctp-dev libopus-dev libspeexdsp-dev libsndfile1-dev
	libsqlite3-dev libxml2-dev zlib1g-dev libzip-dev libuchardet-dev libseccomp-dev poppler-utils
	libpocketsphinx-dev libsphinxbase-dev pocketsphinx-en-us flite1-dev
	libcurl4-openssl-dev libutf8proc-dev libyaml-dev
)
TEST_PACKAGES=(
	chromium fonts-dejavu-core flite festival festvox-us-slt-hts festvox-kdlpc16k sox
	pocketsphinx-testdata debian-policy developers-reference
	libasan8 libubsan1 iproute2 util-linux python3 curl
)
BENCH_PACKAGES=(python3-aiortc python3-websockets valgrind)
SEARCH_PACKAGES=(g++ libfaiss-dev libopenblas-dev libxapian-dev)
FUZZ_PACKAGES=(clang libclang-rt-14-dev)

YES=${YES:-}
say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

missing_packages() {
	local p
	for p in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s\n' "$p"
	done
}

install_packages() {
	local missing as_root=() answer
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -eq 0 ] && return 0
	command -v apt-get >/dev/null || die "needs Debian or Ubuntu (apt-get not found). The packages: ${missing[*]}"
	say "These Debian packages are missing and will be installed:"
	printf '  %s\n' "${missing[*]}" | fold -s -w 100
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "not root, and sudo is not there. As root: apt-get install ${missing[*]}"
		as_root=(sudo)
	fi
	if [ -z "$YES" ] && [ "$(id -u)" -ne 0 ]; then
		[ -t 0 ] || die "not a terminal to ask on; give --yes, or install them first"
		read -r -p "Install them with sudo now? [Y/n] " answer
		case $answer in [nN]*) die "nothing was installed" ;; esac
	fi
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${missing[@]}" >"${TMPDIR:-/tmp}/voiced-apt.$$" 2>&1 || {
		tail -n 20 "${TMPDIR:-/tmp}/voiced-apt.$$" >&2
		die "apt-get could not install them (above: its last lines)"
	}
	rm -f "${TMPDIR:-/tmp}/voiced-apt.$$"
}

need() {
	local kind list=()
	for kind in "$@"; do
		case $kind in
		build) list+=("${BUILD_PACKAGES[@]}") ;;
		test) list+=("${TEST_PACKAGES[@]}") ;;
		bench) list+=("${BENCH_PACKAGES[@]}") ;;
		search) list+=("${SEARCH_PACKAGES[@]}") ;;
		fuzz) list+=("${FUZZ_PACKAGES[@]}") ;;
		*) die "setup.sh: need $kind?" ;;
		esac
	done
	install_packages "${list[@]}"
}

# Node 22 and the clients under test, from npm, as test/package-lock.json pins them.
# Debian's npm is only the installer, and only where there is no other.
need_npm() {
	local dir=$1 stamp=$1/node_modules/.installed
	[ -f "$stamp" ] && cmp -s "$dir/package-lock.json" "$stamp" && return 0
	command -v npm >/dev/null || install_packages npm
	(cd "$dir" && npm ci --no-audit --no-fund --loglevel=error)
	cp "$dir/package-lock.json" "$stamp"
}

# build DIR [meson options]: configured once, then ninja alone decides. Tests are many and small: gold,
# where it is, links each of them in a fifth of the time.
build() {
	local dir=$1
	shift
	if command -v ld.gold >/dev/null; then
		export CC_LD=${CC_LD:-gold}
	fi
	[ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$dir.setup.log" 2>&1 || {
		cat "$dir.setup.log" >&2
		die "meson could not configure $dir"
	}
	rm -f "$dir.setup.log"
	ninja -C "$dir" --quiet
}

# --help, before a --, prints what a script's first comment says, and does nothing else.
help_if_asked() {
	local word
	for word in "$@"; do
		case $word in
		--) return ;;
		-h | --help)
			awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "script/${0##*/}"
			exit
			;;
		esac
	done
}
help_if_asked "$@"
