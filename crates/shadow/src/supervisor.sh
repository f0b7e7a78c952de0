# Guards one server for as long as its owner lives, and clears up behind both.
#
# arguments:       the server's directory, then the server's command line
# standard input:  a pipe; only the owner holds its other end, so its end tells that the owner is gone
# standard output: a pipe to the owner: first the server's process id, then nothing; only the server's
#                  processes keep it open, so its end tells that they are gone
# standard error:  the locked file that marks the directory as in use
#
# Words on standard input, a line each: "start" starts the server; "keep" leaves the directory where it is.

trap '' HUP INT QUIT TERM
directory=$1
shift

server=
keep=
while read -r word; do
  case $word in
    start)
      "$@" 9>&1 </dev/null >>"$directory/log" 2>&1 &
      server=$!
      echo "$server"
      exec >/dev/null
      ;;
    keep) keep=yes ;;
  esac
done

# Repeated, because a server that has just been started does not listen to signals yet. The id is still the
# server's: nobody but us can collect its end. Ten seconds is twice what PostgreSQL gives its own children.
tries=0
while [ -n "$server" ] && kill -QUIT "$server" 2>/dev/null && [ "$tries" -lt 500 ]; do
  sleep 0.02
  tries=$((tries + 1))
done
[ "$tries" -lt 500 ] || kill -KILL "$server" 2>/dev/null

if [ -z "$keep" ]; then
  # Once more, when a last process of the server was still writing.
  rm -rf "$directory" || { sleep 0.5; rm -rf "$directory"; }
fi
