/** Types into a program on a terminal of its own: each line is what to wait for and what to type then. */
export const onTerminal = `
import os, pty, select, sys, time, json, signal
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ['TERM'] = 'xterm'
    os.execvp(command[0], command)
import fcntl, termios, struct
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
seen, end = b'', time.time() + 40
for wanted, typed in steps + [[None, '']]:
    while wanted is None or wanted.encode() not in seen:
        if time.time() > end:
            os.kill(pid, signal.SIGKILL)
            sys.exit('waited in vain for %r in %r' % (wanted, seen[-3000:]))
        if select.select([terminal], [], [], 0.2)[0]:
            try: more = os.read(terminal, 65536)
            except OSError: more = b''
            if not more: break
            seen += more
    else:
        # It may throw away what is typed while it draws.
        while select.select([terminal], [], [], 0.3)[0]:
            try: seen += os.read(terminal, 65536)
            except OSError: break
        sys.stdout.buffer.write(seen); seen = b''
        os.write(terminal, typed.encode())
        continue
    if wanted is not None: sys.exit('ended before %r: %r' % (wanted, seen[-3000:]))
sys.stdout.buffer.write(seen)
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status))
`
