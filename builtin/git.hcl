# git: commits or tags of a repository, by git itself: any remote that git can reach.
#
# The token is given to git by a credential helper that reads it from the environment, and only
# for the server of `url`: it is never an argument, never part of a URL, never in .git/config.
resource_type "git" {
  params = [
    "url", "name", "branch", "token", "ssh_key", "ca_cert",
    "tag", "pr", "every", "paths", "ignore_paths", "skip_ci",
    "depth", "submodules", "lfs", "fetch_tags",
  ]

  cache = true

  check "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      fail() { echo "git: $1" >&2; exit 1; }
      [ -n "$param_url" ] || fail 'the parameter `url` is required'
      [ "${param_pr:-false}" = false ] || fail '`pr` is not supported yet: watch a branch, or tags with `tag`'

      # Access, the same in check, pull and push.
      REST="${param_url#*://}" HOST="${REST%%/*}"
      if [ -n "$param_token" ]; then
        ORIGIN="${param_url%%://*}://${HOST##*@}"
        export GIT_CONFIG_KEY_5="credential.$ORIGIN.helper" GIT_CONFIG_VALUE_5=
        export GIT_CONFIG_KEY_6="credential.$ORIGIN.helper" GIT_CONFIG_COUNT=7
        export GIT_CONFIG_VALUE_6='!f() { [ "$1" != get ] || printf "username=oauth2\npassword=%s\n" "$param_token"; }; f'
      fi
      mkdir -p "$WORKDIR/.pikoci"
      secret_file() { # $1: text or path, $2: where to put a text
        case "$1" in
          *-----BEGIN*) (umask 077; printf '%s\n' "$1" > "$2"); echo "$2" ;;
          *) echo "$1" ;;
        esac
      }
      if [ -n "$param_ssh_key" ]; then
        SSH_KEY="$(secret_file "$param_ssh_key" "$WORKDIR/.pikoci/git-key")"
        export GIT_SSH_COMMAND="ssh -i '$SSH_KEY' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new"
      fi
      if [ -n "$param_ca_cert" ]; then
        GIT_SSL_CAINFO="$(secret_file "$param_ca_cert" "$WORKDIR/.pikoci/git-ca")"
        export GIT_SSL_CAINFO
      fi

      STATE="${CACHE_DIR:-$WORKDIR}"

      # Tags: what is not known yet, in version order. What was seen is remembered beside the
      # cache, and counts as known only once the last tag offered has come back as the version.
      if [ "${param_tag:-false}" = true ]; then
        LIST="$(git ls-remote --tags --sort=version:refname -- "$param_url")"
        cd "$STATE"
        printf '%s\n' "$LIST" | awk '
          NF == 2 { peeled = sub(/\^\{\}$/, "", $2); sub(/^refs\/tags\//, "", $2)
                    if (!($2 in id)) order[++n] = $2
                    if (peeled || !($2 in id)) id[$2] = $1 }
          END { for (i = 1; i <= n; i++) print id[order[i]], order[i] }' > tags.now
        KNOWN="$version_ref $version_tag"
        if [ -z "$version_tag" ]; then
          tail -n 1 tags.now > tags.new
        else
          if [ -e tags.offered ] && [ "$(tail -n 1 tags.last)" = "$KNOWN" ]; then mv tags.offered tags.seen; fi
          if [ -e tags.seen ]; then
            grep -Fxv -f tags.seen tags.now > tags.new || true
          elif grep -Fxq -- "$KNOWN" tags.now; then
            awk -v known="$KNOWN" 'found { print } $0 == known { found = 1 }' tags.now > tags.new
          else
            tail -n 1 tags.now > tags.new
          fi
        fi
        head -n 100 tags.new > tags.last
        { grep -Fxv -f tags.new tags.now || true; cat tags.last; } > tags.offered
        awk '{ gsub(/"/, "\\\"", $2); printf "%s{\"ref\":\"%s\",\"tag\":\"%s\"}", (NR > 1 ? "," : "["), $1, $2 }
             END { print (NR > 0 ? "]" : "[]") }' tags.last
        exit 0
      fi
      [ "${param_tag:-false}" = false ] || fail '`tag` must be true or false'

      # Commits: the newest of the branch.
      REF="${param_branch:+refs/heads/$param_branch}" REF="${REF:-HEAD}"
      LIST="$(git ls-remote -- "$param_url" "$REF")"
      SHA="$(printf '%s\n' "$LIST" | awk -v ref="$REF" '$2 == ref { print $1 }')"
      if [ -z "$SHA" ]; then
        THERE="$(git ls-remote --heads -- "$param_url" | sed 's,.*refs/heads/,,' | head -n 20 | paste -sd ' ' -)"
        [ -n "$THERE" ] || fail "there are no commits yet in $param_url"
        [ -n "$param_branch" ] || fail "HEAD of $param_url is a branch that does not exist; set \`branch\`, there are: $THERE"
        fail "there is no branch $param_branch in $param_url; there are: $THERE"
      fi
      if [ "$SHA" = "$version_ref" ] || [ "$param_every$param_paths$param_ignore_paths$param_skip_ci" = "" ]; then
        echo "[{\"ref\":\"$SHA\"}]"
        exit 0
      fi

      # With a filter, or when every commit counts, the history is needed.
      [ -d "$STATE/repo/objects" ] || git init -q --bare "$STATE/repo"
      cd "$STATE/repo"
      git fetch -q --no-tags -- "$param_url" "+$REF:refs/pikoci/watched"
      globs() { # a comma list or a JSON list, one a line
        case "$1" in
          '['*']') printf '%s' "$1" | sed 's/^\[ *"//; s/" *\]$//; s/" *, *"/,/g' | tr ',' '\n' ;;
          *) printf '%s' "$1" | tr ',' '\n' | sed 's/^ *//; s/ *$//' ;;
        esac
      }
      set -f --
      NEWLINE="$(printf '\n.')" IFS="${NEWLINE%.}"
      for GLOB in $(globs "$param_paths"); do set -- "$@" ":(top,glob)$GLOB"; done
      if [ -n "$param_ignore_paths" ]; then
        [ $# -gt 0 ] || set -- ':(top,glob)**'
        for GLOB in $(globs "$param_ignore_paths"); do set -- "$@" ":(top,exclude,glob)$GLOB"; done
      fi
      set -- -- "$@"
      if git cat-file -e "$version_ref^{commit}" 2>/dev/null; then
        RANGE="$version_ref..$SHA"
      else
        RANGE="$SHA" param_every=
      fi
      set -- "$RANGE" "$@"
      if [ "${param_skip_ci:-false}" = true ]; then
        set -- --invert-grep --regexp-ignore-case '--grep=\[skip ci\]' '--grep=\[ci skip\]' "$@"
      fi
      # Through a file, because a pipe would hide that git failed.
      if [ "${param_every:-false}" = true ]; then
        git rev-list --first-parent --reverse "$@" > "$STATE/commits.now"
      else
        git rev-list --first-parent --max-count=1 "$@" > "$STATE/commits.now"
      fi
      awk 'NR <= 100 { printf "%s{\"ref\":\"%s\"}", (NR > 1 ? "," : "["), $1 }
           END { print (NR > 0 ? "]" : "[]") }' "$STATE/commits.now"
    EOT
    ]
    env = {
      GIT_TERMINAL_PROMPT = "0"
      GIT_SSH_COMMAND     = "ssh -o BatchMode=yes"
      GIT_CONFIG_COUNT    = "5"
      GIT_CONFIG_KEY_0    = "safe.directory"
      GIT_CONFIG_VALUE_0  = "*"
      GIT_CONFIG_KEY_1    = "init.defaultBranch"
      GIT_CONFIG_VALUE_1  = "main"
      GIT_CONFIG_KEY_2    = "gc.autoDetach"
      GIT_CONFIG_VALUE_2  = "false"
      GIT_CONFIG_KEY_3    = "maintenance.autoDetach"
      GIT_CONFIG_VALUE_3  = "false"
      GIT_CONFIG_KEY_4    = "advice.detachedHead"
      GIT_CONFIG_VALUE_4  = "false"
    }
  }

  pull "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      fail() { echo "git: $1" >&2; exit 1; }
      [ -n "$param_url" ] || fail 'the parameter `url` is required'
      [ -n "$version_ref" ] || fail 'the version has no `ref`'

      # Access, the same in check, pull and push.
      REST="${param_url#*://}" HOST="${REST%%/*}"
      if [ -n "$param_token" ]; then
        ORIGIN="${param_url%%://*}://${HOST##*@}"
        export GIT_CONFIG_KEY_5="credential.$ORIGIN.helper" GIT_CONFIG_VALUE_5=
        export GIT_CONFIG_KEY_6="credential.$ORIGIN.helper" GIT_CONFIG_COUNT=7
        export GIT_CONFIG_VALUE_6='!f() { [ "$1" != get ] || printf "username=oauth2\npassword=%s\n" "$param_token"; }; f'
      fi
      mkdir -p "$WORKDIR/.pikoci"
      secret_file() { # $1: text or path, $2: where to put a text
        case "$1" in
          *-----BEGIN*) (umask 077; printf '%s\n' "$1" > "$2"); echo "$2" ;;
          *) echo "$1" ;;
        esac
      }
      if [ -n "$param_ssh_key" ]; then
        SSH_KEY="$(secret_file "$param_ssh_key" "$WORKDIR/.pikoci/git-key")"
        export GIT_SSH_COMMAND="ssh -i '$SSH_KEY' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new"
      fi
      if [ -n "$param_ca_cert" ]; then
        GIT_SSL_CAINFO="$(secret_file "$param_ca_cert" "$WORKDIR/.pikoci/git-ca")"
        export GIT_SSL_CAINFO
      fi

      # Where to: by default the last part of the URL.
      NAME="$param_name"
      if [ -z "$NAME" ]; then
        NAME="${param_url%/}" NAME="${NAME##*/}" NAME="${NAME##*:}" NAME="${NAME%.git}"
      fi
      case "/$NAME/" in //* | */../* | /-*) fail "\`$NAME\` is no directory below WORKDIR" ;; esac

      git init -q "$WORKDIR/$NAME"
      cd "$WORKDIR/$NAME"
      git config remote.origin.url "$param_url"
      git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
      mkdir -p .git/info
      echo '/.pikoci/' >> .git/info/exclude

      case "${param_fetch_tags:-auto}" in
        true) TAGS=--tags ;;
        false) TAGS=--no-tags ;;
        auto) TAGS= ;;
        *) fail '`fetch_tags` must be true or false' ;;
      esac
      REF="${param_branch:+refs/heads/$param_branch}" REF="${REF:-HEAD}"
      if [ -n "$version_tag" ]; then
        git fetch -q --force --depth 1 origin "+refs/tags/$version_tag:refs/tags/$version_tag"
      elif [ -n "$param_depth" ]; then
        git fetch -q --force --depth "$param_depth" $TAGS origin "$version_ref" 2>/dev/null ||
          git fetch -q --force --depth "$param_depth" $TAGS origin "$REF"
      else
        # A remote on another machine is asked for what the cache does not have yet.
        case "$param_url" in
          /* | ./* | file://*) ;;
          *) if [ -n "$CACHE_DIR" ]; then
               [ -d "$CACHE_DIR/repo/objects" ] || git init -q --bare "$CACHE_DIR/repo"
               git -C "$CACHE_DIR/repo" fetch -q --no-tags -- "$param_url" '+refs/heads/*:refs/heads/*' 2>/dev/null || true
               git fetch -q --no-tags "$CACHE_DIR/repo" '+refs/heads/*:refs/remotes/origin/*' 2>/dev/null || true
             fi ;;
        esac
        git fetch -q --force --prune $TAGS origin
      fi
      # A commit that no branch holds any more may still be had by its name.
      git cat-file -e "$version_ref^{commit}" 2>/dev/null ||
        git fetch -q origin "$version_ref" 2>/dev/null ||
        git fetch -q --unshallow origin "$REF" 2>/dev/null || true
      git cat-file -e "$version_ref^{commit}" 2>/dev/null || fail "the commit $version_ref is not in $param_url any more"
      git checkout -q --force --detach "$version_ref"

      case "${param_submodules:-false}" in
        false) ;;
        true | recursive) git submodule --quiet update --init --recursive ;;
        *) fail '`submodules` must be true or false' ;;
      esac
      if [ "${param_lfs:-false}" = true ]; then
        git lfs version >/dev/null 2>&1 || fail '`lfs` needs the program git-lfs on the worker'
        git lfs pull
      fi

      git log -1 --format='%H%n%an <%ae>%n%aI%n%B' | awk '
        function quoted(text) {
          gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/\t/, "\\t", text); gsub(/\r/, "\\r", text)
          gsub(/[[:cntrl:]]/, "", text)
          return text
        }
        NR == 1 { ref = $0 } NR == 2 { author = quoted($0) } NR == 3 { date = $0 }
        NR >= 4 { message = message (NR > 4 ? "\\n" : "") quoted($0) }
        END { sub(/(\\n)+$/, "", message)
              printf "{\"ref\":\"%s\",\"author\":\"%s\",\"date\":\"%s\",\"message\":\"%s\"}\n", ref, author, date, message }
      ' > .git/pikoci.json
      git log -1 --format='%h %s (%an, %ar)'
    EOT
    ]
    env = {
      GIT_TERMINAL_PROMPT = "0"
      GIT_SSH_COMMAND     = "ssh -o BatchMode=yes"
      GIT_CONFIG_COUNT    = "5"
      GIT_CONFIG_KEY_0    = "safe.directory"
      GIT_CONFIG_VALUE_0  = "*"
      GIT_CONFIG_KEY_1    = "init.defaultBranch"
      GIT_CONFIG_VALUE_1  = "main"
      GIT_CONFIG_KEY_2    = "gc.autoDetach"
      GIT_CONFIG_VALUE_2  = "false"
      GIT_CONFIG_KEY_3    = "maintenance.autoDetach"
      GIT_CONFIG_VALUE_3  = "false"
      GIT_CONFIG_KEY_4    = "advice.detachedHead"
      GIT_CONFIG_VALUE_4  = "false"
    }
  }

  # put attributes: `name` (directory), `branch`, `tag`, `force`, `message` (commit everything first).
  push "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      fail() { echo "git: $1" >&2; exit 1; }
      [ -n "$param_url" ] || fail 'the parameter `url` is required'

      # Access, the same in check, pull and push.
      REST="${param_url#*://}" HOST="${REST%%/*}"
      if [ -n "$param_token" ]; then
        ORIGIN="${param_url%%://*}://${HOST##*@}"
        export GIT_CONFIG_KEY_5="credential.$ORIGIN.helper" GIT_CONFIG_VALUE_5=
        export GIT_CONFIG_KEY_6="credential.$ORIGIN.helper" GIT_CONFIG_COUNT=7
        export GIT_CONFIG_VALUE_6='!f() { [ "$1" != get ] || printf "username=oauth2\npassword=%s\n" "$param_token"; }; f'
      fi
      mkdir -p "$WORKDIR/.pikoci"
      secret_file() { # $1: text or path, $2: where to put a text
        case "$1" in
          *-----BEGIN*) (umask 077; printf '%s\n' "$1" > "$2"); echo "$2" ;;
          *) echo "$1" ;;
        esac
      }
      if [ -n "$param_ssh_key" ]; then
        SSH_KEY="$(secret_file "$param_ssh_key" "$WORKDIR/.pikoci/git-key")"
        export GIT_SSH_COMMAND="ssh -i '$SSH_KEY' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new"
      fi
      if [ -n "$param_ca_cert" ]; then
        GIT_SSL_CAINFO="$(secret_file "$param_ca_cert" "$WORKDIR/.pikoci/git-ca")"
        export GIT_SSL_CAINFO
      fi

      NAME="${put_name:-$param_name}"
      if [ -z "$NAME" ]; then
        NAME="${param_url%/}" NAME="${NAME##*/}" NAME="${NAME##*:}" NAME="${NAME%.git}"
      fi
      case "/$NAME/" in //* | */../* | /-*) fail "\`$NAME\` is no directory below WORKDIR" ;; esac
      [ -e "$WORKDIR/$NAME/.git" ] || fail "there is no repository in \`$NAME\`; a get before the put makes one"
      cd "$WORKDIR/$NAME"

      git config user.name >/dev/null || export GIT_AUTHOR_NAME=PikoCI GIT_COMMITTER_NAME=PikoCI
      git config user.email >/dev/null || export GIT_AUTHOR_EMAIL=pikoci@localhost GIT_COMMITTER_EMAIL=pikoci@localhost
      if [ -n "$put_message" ]; then
        git add --all
        git diff --cached --quiet || printf '%s\n' "$put_message" | git commit -q --file=-
      fi

      set --
      FORCE=
      case "${put_force:-false}" in true) FORCE=+ ;; false) ;; *) fail '`force` must be true or false' ;; esac
      if [ -n "$put_tag" ]; then
        git check-ref-format "refs/tags/$put_tag" || fail "\`$put_tag\` is no name of a tag"
        git tag ${FORCE:+-f} -- "$put_tag" >/dev/null
        set -- "$FORCE""refs/tags/$put_tag"
      fi
      # A tag alone is pushed without its branch.
      if [ -z "$put_tag" ] || [ -n "$put_branch$put_message" ]; then
        BRANCH="${put_branch:-$param_branch}"
        if [ -z "$BRANCH" ]; then
          LIST="$(git ls-remote --symref -- "$param_url" HEAD)"
          BRANCH="$(printf '%s\n' "$LIST" | awk '$1 == "ref:" { sub(/^refs\/heads\//, "", $2); print $2 }')"
          BRANCH="${BRANCH:-main}"
        fi
        git check-ref-format "refs/heads/$BRANCH" || fail "\`$BRANCH\` is no name of a branch"
        set -- "$FORCE""HEAD:refs/heads/$BRANCH" "$@"
      fi
      git push --quiet -- "$param_url" "$@"

      SHA="$(git rev-parse HEAD)"
      if [ "${param_tag:-false}" = true ] && [ -n "$put_tag" ]; then
        printf '%s\n' "$put_tag" | awk -v ref="$SHA" '{ gsub(/"/, "\\\""); printf "[{\"ref\":\"%s\",\"tag\":\"%s\"}]\n", ref, $0 }'
      else
        echo "[{\"ref\":\"$SHA\"}]"
      fi
    EOT
    ]
    env = {
      GIT_TERMINAL_PROMPT = "0"
      GIT_SSH_COMMAND     = "ssh -o BatchMode=yes"
      GIT_CONFIG_COUNT    = "5"
      GIT_CONFIG_KEY_0    = "safe.directory"
      GIT_CONFIG_VALUE_0  = "*"
      GIT_CONFIG_KEY_1    = "init.defaultBranch"
      GIT_CONFIG_VALUE_1  = "main"
      GIT_CONFIG_KEY_2    = "gc.autoDetach"
      GIT_CONFIG_VALUE_2  = "false"
      GIT_CONFIG_KEY_3    = "maintenance.autoDetach"
      GIT_CONFIG_VALUE_3  = "false"
      GIT_CONFIG_KEY_4    = "advice.detachedHead"
      GIT_CONFIG_VALUE_4  = "false"
    }
  }
}
