/** The sentences B of docs/semantics.md: whatever blocks. B10 is in stop.test.ts. */
import { blockedSentences, dedented } from './blocked.ts'
import { inEachPlace } from './place.ts'

inEachPlace((sentence) => {
  blockedSentences(sentence)

  sentence('B3 What a signal ended has taken and given nothing', async (t, place) => {
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run cat')
    const results = await place.python(
      `
      P = os.environ['P']
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      def interrupted(path, flags, use):
          for how in signal.SIGINT, signal.SIGKILL:
              child = os.fork()
              if child == 0:
                  use(os.open(path, flags))
                  os._exit(0)
              blocked(1)
              os.kill(child, how)
              os.waitpid(child, 0)
      interrupted(A + '/recv', O_RDONLY, lambda fd: read(fd, 9))
      interrupted(A + '/recv', O_RDWR, lambda fd: read(fd, 9))
      interrupted(A + '/send', O_WRONLY, lambda fd: write(fd, b'lost'))
      interrupted(A + '/send', O_WRONLY | O_TRUNC, lambda fd: write(fd, b'lost'))
      interrupted(A + '/send', O_WRONLY | O_APPEND, lambda fd: write(fd, b'lost' * 20000))
      interrupted(P + '/stdout', O_RDONLY, lambda fd: read(fd, 9))
      say(json.loads(content('peek'))['NumSend'], json.loads(content('peek'))['NumRecv'])
      say(code(write, open('send', O_WRONLY | O_NONBLOCK), b'x'), code(read, open('recv', O_RDONLY | O_NONBLOCK), 9))
      call = Call(content, 'recv')
      fd = open('send', O_WRONLY)
      write(fd, b'message')
      close(fd)
      say(call.result())
      fd = os.open(P + '/stdin', O_WRONLY | O_TRUNC)
      write(fd, b'bytes')
      close(fd)
      say(content(P + '/stdout'))`,
      { A: channel, P: process },
    )
    t.equal(results, '0 0\nEAGAIN EAGAIN\nmessage\nbytes\n')
    // A handler makes it an EINTR, or says how much went before it.
    const part = await place.python(
      `
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      signal.signal(signal.SIGUSR1, lambda *_: None)
      signal.siginterrupt(signal.SIGUSR1, True)
      def interrupted(call, *args):
          me = threading.get_ident()
          def interrupt():
              blocked(1)
              signal.pthread_kill(me, signal.SIGUSR1)
          thread = threading.Thread(target=interrupt)
          thread.start()
          result = call(*args)
          thread.join()
          return errno.errorcode[ctypes.get_errno()] if result < 0 else result
      text = b'x' * 1000000
      say(interrupted(libc.read, open('recv'), ctypes.create_string_buffer(9), 9))
      say(interrupted(libc.write, open('send', O_WRONLY), text, len(text)))
      taken = interrupted(libc.write, os.open(os.environ['P'] + '/stdin', O_WRONLY | O_APPEND), text, len(text))
      say(0 < taken < len(text))`,
      { A: channel, P: await place.anchor('run sleep 60') },
    )
    t.equal(part, 'EINTR\nEINTR\nTrue\n')
  })

  sentence('B5 poll, select and epoll say when a file can be used, and wake up', async (t, place) => {
    const anchor = await place.anchor()
    const waits = `
def by_select(fd, events, timeout):
    r, w, _ = select.select([fd] if events & select.POLLIN else [], [fd] if events & select.POLLOUT else [], [], timeout)
    return bool(r or w)
def by_poll(fd, events, timeout):
    poll = select.poll()
    poll.register(fd, events)
    return bool(poll.poll(timeout * 1000))
def by_epoll(fd, events, timeout, edge=0):
    with select.epoll() as epoll:
        epoll.register(fd, events | edge)
        return bool(epoll.poll(timeout))
def by_edge(fd, events, timeout):
    return by_epoll(fd, events, timeout, select.EPOLLET)
IN, OUT = select.POLLIN, select.POLLOUT
# Not ready; then ready, by what is done; a wait that began before wakes up.
def check(name, make, path, flags, events, do, before=lambda: None):
    for wait in (by_edge, by_poll, by_select, by_epoll)[:many(4)]:
        command(A, make)
        before()
        fd = open(path, flags)
        early = wait(fd, events, 0)
        call = Call(wait, fd, events, 10)
        time.sleep(0.01)
        woken = not call.done
        do()
        woken = woken and call.result() and wait(fd, events, 0)
        close(fd)
        command(A, 'kill' if 'run' in make else 'close')
        command(A, 'scrub')
        if early or not woken: say(name, wait.__name__, early, woken)
    say(name, 'checked')
def send(text):
    fd = open('send', O_WRONLY | O_APPEND)
    write(fd, text)
    close(fd)
def feed(text):
    fd = open('stdin', O_WRONLY | O_APPEND)
    write(fd, text)
    close(fd)
def fill():
    fd = open('stdin', O_WRONLY | O_APPEND | O_NONBLOCK)
    until(lambda: json.loads(content('peek'))['Phase'] == 'stopped')
    while isinstance(code(write, fd, b'x' * 65536), int): pass
    close(fd)
`
    const results = await place.python(
      `${waits}${dedented(`
      check('recv', 'mkchan 1', 'recv', O_RDONLY, IN, lambda: send(b'x'))
      check('recv <>', 'mkchan 1', 'recv', O_RDWR, IN, lambda: send(b'x'))
      check('send', 'mkchan 1', 'send', O_WRONLY, OUT, lambda: content('recv'), lambda: send(b'x'))
      check('stdout', 'run cat', 'stdout', O_RDONLY, IN, lambda: feed(b'x'))
      check('stderr', 'run sh -c "exec cat >&2"', 'stderr', O_RDONLY, IN, lambda: feed(b'x'))
      check('log', 'mkproc {"Path":"cat","Stdout":"log"}', 'stdout', O_RDONLY, IN, lambda: feed(b'x'))
      check('wait', 'run cat', 'wait', O_RDONLY, IN, lambda: command(A, 'kill'))
      check('stdin', 'run sh -c "kill -STOP $$; exec cat > /dev/null"', 'stdin', O_WRONLY | O_APPEND, OUT,
            lambda: command(A, 'signal CONT'), fill)`)}`,
      { A: anchor },
    )
    t.strictSame(
      results.trim().split('\n'),
      ['recv', 'recv <>', 'send', 'stdout', 'stderr', 'log', 'wait', 'stdin'].map(
        (name) => `${name} checked`,
      ),
    )
  })

  sentence('B7 Any number of operations can be blocked at once', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const other = await place.anchor()
    const results = await place.python(
      `
      threading.stack_size(1 << 16)
      O = os.environ['O']
      calls = [Call(content, 'recv') for _ in range(many(400))]
      blocked(len(calls))
      say(len(os.listdir(A)), os.stat(A + '/recv').st_size, command(O, 'run cat'))
      fd = os.open(O + '/stdin', O_WRONLY | O_TRUNC)
      write(fd, b'work')
      close(fd)
      say(content(O + '/stdout'), content(O + '/wait').strip())
      fd = open('send', O_WRONLY | O_APPEND)
      for n in range(len(calls) - 1): write(fd, b'x')
      blocked(1)
      write(fd, b'x')
      say({call.result() for call in calls})`,
      { A: anchor, O: other },
    )
    t.equal(results, "6 0 ok\nwork 0\n{'x'}\n")
  })

  sentence('B8 An open that neither has O_TRUNC nor writes changes nothing', async (t, place) => {
    const channel = await place.anchor('mkchan 9')
    const process = await place.anchor('run cat')
    const results = await place.python(
      `
      P = os.environ['P']
      for path in A + '/send', P + '/stdin':
          subprocess.run(['touch', path], check=True)
          for flags in O_WRONLY, O_WRONLY | O_APPEND, O_WRONLY | O_APPEND | O_TRUNC:
              fd = os.open(path, flags)
              os.ftruncate(fd, 0)
              close(fd)
          os.truncate(path, 0)
      say(json.loads(content('peek'))['NumSend'])
      part = os.open(P + '/stdin', O_WRONLY | O_APPEND)
      write(part, b'still open')
      fd = os.open(P + '/stdin', O_WRONLY)
      write(fd, b', whole')
      close(fd)
      say(content(P + '/stdout'))
      fd = open('send', O_WRONLY)
      write(fd, b'one ')
      write(fd, b'message')
      close(fd)
      say(content('recv'))`,
      { A: channel, P: process },
    )
    t.equal(results, '0\nstill open, whole\none message\n')
  })

  sentence('B9 A blocked writer holds up nobody', async (t, place) => {
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run sleep 60')
    const results = await place.python(
      `
      for path in A + '/send', os.environ['P'] + '/stdin':
          calls = [Call(write, os.open(path, flags), b'x' * 300000) for flags in (O_WRONLY, O_WRONLY | O_APPEND, O_WRONLY)]
          blocked(3)
          say(os.stat(path).st_size, [call.done for call in calls], end=' ')
          fds = [os.open(path, flags | O_NONBLOCK) for flags in (O_WRONLY, O_WRONLY | O_APPEND)]
          say(*(code(write, fd, b'x') for fd in fds))
          command(os.path.dirname(path), 'scrub')
          for call in calls: call.result()`,
      { A: channel, P: process },
    )
    t.equal(results, '0 [False, False, False] EAGAIN EAGAIN\n'.repeat(2))
  })
})
