/** The sentences C of docs/semantics.md: channels. */
import { inEachPlace } from './place.ts'

const KEPT = 32 * 1024
const MOST_APPENDED = (1 << 20) - 4096

inEachPlace((sentence) => {
  sentence('C1 Opened with > all from open to close is one message', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    const stdout = await place.print(
      '{ echo a; echo b; /bin/echo c; } > "$A/send"; printf d > "$A/send"; cat "$A/recv"; echo -; cat "$A/recv"',
      { A: anchor },
    )
    t.equal(stdout, 'a\nb\nc\n-\nd')
  })

  sentence(
    'C2 With capacity 0 the first write blocks until a receiver takes the message',
    async (t, place) => {
      const anchor = await place.anchor('mkchan')
      const results = await place.python(
        `
      fd = open('send', O_WRONLY | O_TRUNC)
      call = Call(write, fd, b'hello')
      blocked(1)
      say(call.done, code(write, open('send', O_WRONLY | O_NONBLOCK), b'x'))
      recv = open('recv')
      say(read(recv, 99), call.result(), write(fd, b' there'))
      close(fd)
      say(read(recv, 99), read(recv, 99))`,
        { A: anchor },
      )
      t.equal(results, "False EAGAIN\nb'hello' 5 6\nb' there' b''\n")
    },
  )

  sentence('C3 With capacity N, N messages wait without blocking their senders', async (t, place) => {
    const anchor = await place.anchor('mkchan 3')
    const results = await place.python(
      `
      for text in b'a', b'b', b'c':
          fd = open('send', O_WRONLY | O_TRUNC | O_NONBLOCK)
          write(fd, text)
          close(fd)
      fourth = open('send', O_WRONLY)
      call = Call(write, fourth, b'd')
      blocked(1)
      say(call.done, content('recv'), call.result())
      close(fourth)
      say(content('recv'), content('recv'), content('recv'))`,
      { A: anchor },
    )
    t.equal(results, 'False a 1\nb c d\n')
  })

  sentence('C4 Of a message in a slot up to 32 KiB wait', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      fd = open('send', O_WRONLY)
      text = bytes(range(256)) * 400
      write(fd, text[:${KEPT}])
      call = Call(write, fd, text[${KEPT}:])
      blocked(1)
      say(call.done)
      recv = open('recv')
      data = b''
      while len(data) < len(text): data += read(recv, 1 << 20)
      say(call.result() == len(text) - ${KEPT}, data == text)
      close(fd)
      say(read(recv, 1))
      fd = open('send', O_WRONLY | O_NONBLOCK)
      say(write(fd, text), code(write, fd, text))`,
      { A: anchor },
    )
    t.equal(results, `False\nTrue True\nb''\n${KEPT} EAGAIN\n`)
  })

  sentence(
    'C5 An open with O_TRUNC that writes nothing sends an empty message and never blocks',
    async (t, place) => {
      const anchor = await place.anchor('mkchan')
      const stdout = await place.print(
        `: > "$A/send"; : > "$A/send"; cat "$A/recv"; grep NumSend "$A/peek"; cat "$A/recv"; grep NumRecv "$A/peek"`,
        { A: anchor },
      )
      t.equal(stdout.replace(/\s+/g, ' '), ' "NumSend": 2, "NumRecv": 2 ')
    },
  )

  sentence('C6 Opened with >> every write is a message of its own', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    const results = await place.python(
      `
      fd = open('send', O_WRONLY | O_APPEND)
      for text in b'a', b'bc': write(fd, text)
      say(content('recv'), content('recv'))
      text = os.urandom(${MOST_APPENDED})
      call = Call(write, fd, text)
      recv = open('recv')
      data = b''
      while piece := read(recv, 1 << 20): data += piece
      say(data == text, call.result() == len(text))
      write(fd, b'd')
      say(content('recv'))`,
      { A: anchor },
    )
    t.equal(results, 'a bc\nTrue True\nd\n')
  })

  sentence('C7 A longer write with >> is EMSGSIZE and sends nothing', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    const results = await place.python(
      `
      fd = open('send', O_WRONLY | O_APPEND)
      for size in ${MOST_APPENDED + 1}, 1 << 20, (1 << 20) + 1, 5 << 20:
          say(code(write, fd, b'x' * size), end=' ')
      say(json.loads(content('peek'))['NumSend'], code(read, open('recv', O_RDONLY | O_NONBLOCK), 1))
      write(fd, b'a')
      say(content('recv'))`,
      { A: anchor },
    )
    t.equal(results, 'EMSGSIZE EMSGSIZE EMSGSIZE EMSGSIZE 0 EAGAIN\na\n')
  })

  sentence('C8 With O_NONBLOCK more than 32 KiB with >> is EMSGSIZE', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      fd = open('send', O_WRONLY | O_APPEND | O_NONBLOCK)
      say(code(write, fd, b'x' * ${KEPT + 1}), write(fd, b'x' * ${KEPT}))
      say(code(write, fd, b'x'), code(write, fd, b'x' * ${KEPT + 1}), len(content('recv')))`,
      { A: anchor },
    )
    t.equal(results, `EMSGSIZE ${KEPT}\nEAGAIN EMSGSIZE ${KEPT}\n`)
  })

  sentence('C9 On a closed channel opening send is EPIPE, or the write is', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    const results = await place.python(
      `
      fds = [open('send', flags) for flags in (O_WRONLY, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND)]
      command(A, 'close')
      say(*(code(open, 'send', flags) for flags in (O_WRONLY, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND)))
      say(*(code(write, fd, b'x') for fd in fds), command(A, 'close'))`,
      { A: anchor },
    )
    t.equal(results, 'EPIPE EPIPE EPIPE\nEPIPE EPIPE EPIPE EPIPE\n')
  })

  sentence('C10 A sender killed before a receiver began its message has sent nothing', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      for flags, text in ('O_TRUNC', "b'part'"), ('0', "b'x' * 100000"), ('O_TRUNC', ''), ('O_APPEND', "b'x' * 100000"):
          sender = child('fd = open("send", O_WRONLY | %s); say("open"); %s; say("wrote"); time.sleep(60)' % (flags, text and 'write(fd, %s)' % text))
          sender.stdout.readline()
          if '100000' in text: blocked(1)
          else: sender.stdout.readline()
          sender.kill()
          sender.wait()
          say(code(read, open('recv', O_RDONLY | O_NONBLOCK), 9), json.loads(content('peek'))['NumSend'])
      fd = open('send', O_WRONLY | O_NONBLOCK)
      write(fd, b'next')
      close(fd)
      say(content('recv'))`,
      { A: anchor },
    )
    t.equal(results, `${'EAGAIN 0\n'.repeat(4)}next\n`)
  })

  sentence('C11 Opened with < recv is one message', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    const results = await place.python(
      `
      out = open('send', O_WRONLY | O_APPEND)
      for text in b'first', b'second': write(out, text)
      fd, other = open('recv'), open('recv')
      say(read(other, 99), read(fd, 2), read(fd, 99), *(read(fd, 99) for _ in range(3)), read(other, 99))`,
      { A: anchor },
    )
    t.equal(results, "b'first' b'se' b'cond' b'' b'' b'' b''\n")
  })

  sentence('C12 Opened with <> a read after an end of file takes the next message', async (t, place) => {
    const anchor = await place.anchor('mkchan 4')
    t.equal(
      await place.print(
        'for n in a b c; do echo $n > "$A/send"; done; exec 3<> "$A/recv"; cat <&3; echo -; cat <&3; echo -; cat <&3',
        { A: anchor },
      ),
      'a\n-\nb\n-\nc\n',
    )
    const results = await place.python(
      `
      fd = open('recv', O_RDWR | O_NONBLOCK)
      say(code(read, fd, 9))
      out = open('send', O_WRONLY | O_APPEND)
      for text in b'd', b'e': write(out, text)
      say(*(code(read, fd, 99) for _ in range(5)), code(write, fd, b'x'))`,
      { A: anchor },
    )
    t.match(results, /^EAGAIN\nb'd' b'' b'e' b'' EAGAIN E[A-Z]+\n$/)
  })

  sentence('C13 On a closed and drained channel recv is ENODATA', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      write(open('send', O_WRONLY | O_APPEND), b'last')
      early = open('recv', O_RDWR)
      command(A, 'close')
      say(content('recv'), code(open, 'recv'), code(open, 'recv', O_RDWR), code(read, early, 9))
      command(A, 'scrub')
      command(A, 'mkchan')
      calls = [Call(read, open('recv', flags), 9) for flags in (O_RDONLY, O_RDWR)]
      blocked(2)
      command(A, 'close')
      say(*(call.result() for call in calls))`,
      { A: anchor },
    )
    t.equal(results, 'last ENODATA ENODATA ENODATA\nENODATA ENODATA\n')
  })

  sentence('C14 Loops over a channel end when it is closed and drained', async (t, place) => {
    for (const [shell, loop, output] of [
      ['sh', 'while cat "$A/recv" 2> /dev/null; do :; done', /^1\n2\n3\n$/],
      ['bash', 'while x=$(< "$A/recv"); do echo "$x"; done 2> /dev/null', /^1\n2\n3\n\n?$/],
    ] as const) {
      const anchor = await place.anchor('mkchan')
      const { stdout } = await place.sh(
        `{ for n in 1 2 3; do echo $n > "$A/send"; done; echo close > "$A/ctl"; } & ${loop}; wait`,
        { A: anchor },
        { shell },
      )
      t.match(stdout, output, loop)
    }
  })

  sentence('C15 An empty message is an end of file and no error', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const { status, stdout, stderr } = await place.sh('{ : > "$A/send"; } & cat "$A/recv"', { A: anchor })
    t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  })

  sentence('C16 Messages come in order, whole, each to one receiver', async (t, place) => {
    const anchor = await place.anchor('mkchan 5')
    const results = await place.python(
      `
      def receive(got):
          fd = open('recv', O_RDWR)
          try:
              while True:
                  data = b''
                  while piece := read(fd, 1 << 16): data += piece
                  got.append(data)
          except OSError as error:
              return errno.errorcode[error.errno]
      got = [[] for _ in range(4)]
      receivers = [Call(receive, list_) for list_ in got]
      message = lambda n: b'%d ' % n * (1 + n * 37 % 9000)
      for n in range(many(300)):
          fd = open('send', O_WRONLY | O_TRUNC)
          write(fd, message(n))
          close(fd)
      command(A, 'close')
      say({receiver.result() for receiver in receivers})
      numbers = [[int(data.split()[0]) for data in list_] for list_ in got]
      say(all(data == message(int(data.split()[0])) for list_ in got for data in list_))
      say(sorted(n for list_ in numbers for n in list_) == list(range(many(300))), all(list_ == sorted(list_) for list_ in numbers))`,
      { A: anchor },
    )
    t.equal(results, "{'ENODATA'}\nTrue\nTrue True\n")
  })

  sentence(
    'C17 A receiver killed before its next operation returns its message to the head',
    async (t, place) => {
      const anchor = await place.anchor('mkchan 9')
      const script = (then: string) => `
      out = open('send', O_WRONLY | O_APPEND)
      for text in b'first', b'second': write(out, text)
      receiver = child('fd = open("recv"); say(read(fd, 2)); ${then}; say("more"); time.sleep(60)')
      receiver.stdout.readline()
      receiver.stdout.readline()
      receiver.kill()
      receiver.wait()
      fd = open('recv', O_RDWR | O_NONBLOCK)
      say(*(code(read, fd, 99) for _ in range(4)))`
      const given = (then: string) => place.python(script(then), { A: anchor })
      t.equal(await given('0'), "b'first' b'' b'second' b''\n")
      t.equal(await given('read(fd, 1)'), "b'second' b'' EAGAIN EAGAIN\n", 'the next read')
      t.equal(
        await given('p = select.poll(); p.register(fd, 1); p.poll(0)'),
        "b'second' b'' EAGAIN EAGAIN\n",
        'a poll',
      )
      t.equal(await given('close(fd)'), "b'second' b'' EAGAIN EAGAIN\n", 'a close')
    },
  )

  sentence('C18 A receiver that closes early has taken the message', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      fd = open('send', O_WRONLY)
      call = Call(write, fd, b'x' * 5000000)
      recv = open('recv')
      read(recv, 10)
      close(recv)
      first = call.result()
      say('part' if isinstance(first, int) and first < 5000000 else first, code(write, fd, b'x'))
      close(fd)
      fd = open('send', O_WRONLY)
      write(fd, b'next')
      close(fd)
      say(content('recv'), json.loads(content('peek'))['NumRecv'])`,
      { A: anchor },
    )
    t.match(results, /^(part|EPIPE) EPIPE\nnext 2\n$/)
  })

  sentence('C19 When a writer is killed, its receiver gets ECONNRESET', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const results = await place.python(
      `
      for how in signal.SIGKILL, signal.SIGTERM:
          sender = child('fd = open("send", O_WRONLY | O_TRUNC); write(fd, b"part"); say("wrote"); time.sleep(60)')
          recv = open('recv')
          say(read(recv, 9), end=' ')
          sender.stdout.readline()
          call = Call(read, recv, 9)
          blocked(1)
          sender.send_signal(how)
          say(call.result(), code(read, recv, 9), sender.wait() == -how)
      sender = child('fd = open("send", O_WRONLY | O_TRUNC); write(fd, b"part"); sys.exit(3)')
      say(content('recv'), sender.wait())`,
      { A: anchor },
    )
    t.equal(results, `${"b'part' ECONNRESET ECONNRESET True\n".repeat(2)}part 3\n`, 'but not when it exits')
  })

  sentence('C20 A receiver that polls counts as one that waits', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const results = await place.python(
      `
      send, recv = open('send', O_WRONLY | O_APPEND | O_NONBLOCK), open('recv', O_RDWR | O_NONBLOCK)
      say(code(write, send, b'x'), select.select([], [send], [], 0)[1])
      receiver, sender = select.epoll(), select.epoll()
      sender.register(send, select.EPOLLOUT)
      call = Call(sender.poll, 10)
      receiver.register(recv, select.EPOLLIN)
      say(call.result() == [(send, select.EPOLLOUT)])
      say(write(send, b'hello'), receiver.poll(10) == [(recv, select.EPOLLIN)], read(recv, 9), read(recv, 9))`,
      { A: anchor },
    )
    t.equal(results, "EAGAIN []\nTrue\n5 True b'hello' b''\n")
  })

  sentence('C21 close ends sending; what is sent already is still delivered', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      write(open('send', O_WRONLY | O_APPEND), b'slot')
      out = open('send', O_WRONLY | O_APPEND)
      call = Call(write, out, b'blocked')
      blocked(1)
      command(A, 'close')
      say(call.done)
      say(content('recv'), content('recv'), call.result(), code(write, out, b'late'), code(open, 'recv'))`,
      { A: anchor },
    )
    t.equal(results, 'False\nslot blocked 7 EPIPE ENODATA\n')
  })

  sentence('C22 When a channel is scrubbed its messages are dropped', async (t, place) => {
    const anchor = await place.anchor('mkchan 9')
    const results = await place.python(
      `
      write(open('send', O_WRONLY | O_APPEND), b'old')
      recv = open('recv')
      command(A, 'scrub')
      say(code(read, recv, 9))
      command(A, 'mkchan 9')
      say(code(read, open('recv', O_RDONLY | O_NONBLOCK), 9), json.loads(content('peek'))['NumSend'])`,
      { A: anchor },
    )
    t.equal(results, 'ECANCELED\nEAGAIN 0\n')
  })

  sentence('C23 The capacity is a number from 0 to 1048576', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    t.equal(JSON.parse(await place.read(`${anchor}/peek`)).Cap, 0)
    for (const capacity of ['0', '1', '1048576', '007']) {
      await place.command(anchor, 'scrub')
      t.equal(await place.command(anchor, `mkchan ${capacity}`), 'ok')
      t.equal(JSON.parse(await place.read(`${anchor}/peek`)).Cap, Number(capacity))
    }
    await place.command(anchor, 'scrub')
    for (const capacity of ['1048577', '-1', '1.5', '1e3', 'x', '""', '99999999999999999999'])
      t.equal(await place.command(anchor, `mkchan ${capacity}`), 'EINVAL', capacity)
  })
})
