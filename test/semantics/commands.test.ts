/** The sentences X of docs/semantics.md: commands. */
import { readFileSync } from 'node:fs'
import { inEachPlace, type Place } from './place.ts'

/** What `run printf '<%s>'` with these words prints. */
async function printed(place: Place, words: string): Promise<string> {
  const anchor = await place.anchor(`run printf <%s> ${words}`)
  return place.read(`${anchor}/stdout`)
}

const error = async (place: Place, anchor: string): Promise<string> =>
  (await place.read(`${anchor}/error`)).replace(/^\S+ [^:]+: /, '')

const capacity = async (place: Place, anchor: string): Promise<number | undefined> =>
  JSON.parse(await place.read(`${anchor}/peek`))?.Cap

inEachPlace((sentence) => {
  sentence('X1 A command is one line; one write can hold several', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.command(anchor, '  mkchan \t 1  \nscrub\r\nmkchan 2'), 'ok')
    t.equal(await capacity(place, anchor), 2)
  })

  sentence('X2 Words are quoted as in a shell', async (t, place) => {
    t.equal(await printed(place, `a  b`), '<a><b>')
    t.equal(await printed(place, `'a  b' "c  d" e\\ \\ f`), '<a  b><c  d><e  f>')
    t.equal(await printed(place, `'' "" a''b"c"d`), '<><><abcd>')
    t.equal(await printed(place, `'\\' '"' "'" '$HOME'`), `<\\><"><'><$HOME>`)
    t.equal(await printed(place, `"\\"" "\\\\" "\\$" "\\n" \\n`), `<"><\\><$><\\n><n>`)
    t.equal(
      await printed(place, '$HOME "$HOME" * ~ {a,b} a;b a|b `x`'),
      '<$HOME><$HOME><*><~><{a,b}><a;b><a|b><`x`>',
    )
    t.equal(await printed(place, `ü 漢 '😀'`), '<ü><漢><😀>')
  })

  sentence('X3 The argument can be a JSON object over lines and writes', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(
      await place.command(
        anchor,
        'mkproc\t{\n\t"Path": "echo",\n\n"Args": ["a b", "}", "\\"", "\\n\\u00fc"]\n}\nscrub\nmkchan 4',
      ),
      'ok',
    )
    t.equal(await capacity(place, anchor), 4)
    const other = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_RDWR)
      for piece in 'mkproc {"Path":', '"echo","Ar', 'gs":["', '}', '"]', '}':
          say(content('peek').strip(), end=' ')
          write(fd, piece.encode())
      say(content('stdout'))`,
      { A: other },
    )
    t.equal(results, 'null null null null null null }\n\n')
  })

  sentence('X4 Quotes do not span lines', async (t, place) => {
    const anchor = await place.anchor()
    for (const text of [`run echo 'a\nb'`, `run echo "a\nb"`, `run echo a\\\nb`])
      t.equal(await place.command(anchor, text), 'EINVAL', text)
    t.match(await error(place, anchor), /use JSON/)
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
    t.equal(await place.command(anchor, 'mkproc {"Path":"echo","Args":["a\\nb"]}'), 'ok')
    t.equal(await place.read(`${anchor}/stdout`), 'a\nb\n')
  })

  sentence('X5 Empty lines and lines that start with # are skipped', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.command(anchor, '\n\n# mkchan 1\n  # "a quote\n \nmkchan 2\n#\n# the end'), 'ok')
    t.equal(await capacity(place, anchor), 2)
    t.equal(await printed(place, 'a#b # c'), '<a#b><#><c>')
    const empty = await place.anchor()
    t.equal(await place.command(empty, '\n'), 'ok')
    t.equal(await place.command(empty, '# nothing'), 'ok')
    t.equal(await place.read(`${empty}/error`), '')
  })

  sentence('X6 The end of a write ends a complete command', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY)
      for text in 'mkchan 1', 'scrub', 'mkproc {"Path":"true"}', 'scrub', 'mkchan 2':
          write(fd, text.encode())
          say(json.dumps(json.loads(content('peek')))[:9])`,
      { A: anchor },
    )
    t.equal(results, '{"Cap": 1\nnull\n{"Cmd": {\nnull\n{"Cap": 2\n')
  })

  sentence('X7 A write of a multiple of 4,096 bytes does not end a command', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY)
      for size in 4096, 8192:
          write(fd, b'mkchan 1'.rjust(size))
          say(content('peek').strip())
          write(fd, b'23')
          say(json.loads(content('peek'))['Cap'])
          write(fd, b'scrub\\n' + b'\\n' * 4090)
          say(content('peek').strip())`,
      { A: anchor },
    )
    t.equal(results, 'null\n123\nnull\n'.repeat(2))
    const long = await place.anchor()
    const args = Array.from({ length: 3000 }, (_, n) => `"argument ${n}"`)
    const { status, stdout } = await place.sh(
      'cat > "$A/ctl" && cat "$A/stdout" | wc -l',
      { A: long },
      {
        input: `mkproc {"Path":"printf","Args":["%s\\\\n",\n${args.join(',\n')}]}\n`,
      },
    )
    t.equal(status, 0, 'what cat copies in chunks is one command')
    t.equal(stdout.trim(), '3000')
  })

  sentence('X8 A complete command that was not ended is run at the close', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY)
      write(fd, b'mkchan 1'.rjust(4096))
      say(content('peek').strip())
      close(fd)
      until(lambda: content('peek') != 'null\\n')
      say(json.loads(content('peek'))['Cap'])`,
      { A: anchor },
    )
    t.equal(results, 'null\n1\n')
  })

  sentence('X9 A command that is not complete at the close is EINVAL, told in error', async (t, place) => {
    const anchor = await place.anchor()
    for (const text of [`run echo 'open`, 'run echo "open', 'mkproc {"Path":"echo"', 'run echo \\']) {
      t.equal(await place.command(anchor, text), 'ok', 'the write does not know')
      t.match(await error(place, anchor), /unfinished command/)
      t.match(await error(place, anchor), text.slice(0, 12))
      t.equal(await place.command(anchor, 'nonsense'), 'EINVAL')
      t.notMatch(await error(place, anchor), /unfinished/)
    }
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
  })

  sentence(
    'X10 A repeated write of which a part has counted is refused with the same error',
    async (t, place) => {
      const anchor = await place.anchor()
      const results = await place.python(
        `
      fd = open('ctl', O_RDWR)
      text = b'scrub\\nmkchan 1\\nmkchan 2\\n'
      command(A, 'mkchan')
      say(code(write, fd, text), code(write, fd, text), code(write, fd, text + b'scrub\\n'), json.loads(content('peek'))['Cap'])
      say(read(fd, 999).decode().split()[0])
      write(fd, b'scrub\\n')
      say(content('peek').strip())
      fd = open('ctl', O_WRONLY)
      write(fd, b'mkproc {"Path":"echo","Args":["')
      rest = b'"]] }\\nmkchan 3\\n'
      say(code(write, fd, rest), code(write, fd, rest), code(write, fd, rest), content('peek').strip())
      file = os.fdopen(open('ctl', O_WRONLY), 'w')
      try:
          file.write('mkchan 5\\nscrub x\\nclose\\n')
          file.flush()
      except OSError as error:
          say(errno.errorcode[error.errno])
      try:
          file.write('scrub\\n')
          file.close()
      except OSError as error:
          say(errno.errorcode[error.errno])
      say(json.loads(content('peek'))['Cap'], json.loads(content('peek'))['Closed'])`,
        { A: anchor },
      )
      t.equal(
        results,
        'EEXIST EEXIST EEXIST 1\nEEXIST\nnull\nEINVAL EINVAL EINVAL null\nEINVAL\nEINVAL\n5 False\n',
      )
    },
  )

  sentence(
    'X11 An unknown field, or one of the wrong type, is EINVAL and named in error',
    async (t, place) => {
      const anchor = await place.anchor()
      const wrong: [string, RegExp][] = [
        ['"Colour":1', /no field Colour/],
        ['"Args":"a"', /field Args is an array of strings/],
        ['"Args":[1]', /field Args/],
        ['"Env":{"K":"V"}', /field Env/],
        ['"Env":["K"]', /Env/],
        ['"Env":["=V"]', /Env/],
        ['"Scrub":"yes"', /field Scrub is true or false/],
        ['"Detach":1', /field Detach/],
        ['"Stdout":"file"', /field Stdout is "pipe" or "discard" or "log"/],
        ['"Log":0', /field Log/],
        ['"Log":1.5', /field Log/],
        ['"Dir":["/"]', /field Dir/],
        ['"User":0', /field User/],
      ]
      for (const [field, reason] of wrong) {
        t.equal(await place.command(anchor, `mkproc {"Path":"true",${field}}`), 'EINVAL', field)
        t.match(await error(place, anchor), reason)
      }
      for (const path of ['', '"Path":""', '"Path":7', '"Path":"a\\u0000b"']) {
        t.equal(await place.command(anchor, `mkproc {${path}}`), 'EINVAL', path)
        t.match(await error(place, anchor), /field Path/)
      }
      t.equal(await place.read(`${anchor}/peek`), 'null\n')
    },
  )

  sentence('X12 Names of fields match without regard to case', async (t, place) => {
    const anchor = await place.anchor('mkproc {"path":"echo","ARGS":["a"],"eNV":null,"Dir":null}')
    t.equal(await place.read(`${anchor}/stdout`), 'a\n')
    const twice = await place.anchor()
    t.equal(await place.command(twice, 'mkproc {"Path":"true","path":"true"}'), 'EINVAL')
    t.match(await error(place, twice), /Path is given twice/)
  })

  sentence('X13 A comma before a closing bracket is forgiven', async (t, place) => {
    const anchor = await place.anchor('mkproc {"Path":"echo","Args":["a,]","b" , ],\n}')
    t.equal(await place.read(`${anchor}/stdout`), 'a,] b\n')
    const wrong = await place.anchor()
    for (const text of [
      '{"Path":"true",,}',
      '{,"Path":"true"}',
      '{"Path":"true"} x',
      '{"Path":"true"]',
      '["true"]',
    ])
      t.equal(await place.command(wrong, `mkproc ${text}`), 'EINVAL', text)
  })

  sentence('X14 run is mkproc in words', async (t, place) => {
    const anchor = await place.anchor(`run printf '%s-' a "b c"`)
    t.equal(await place.read(`${anchor}/stdout`), 'a-b c-')
    const { Cmd } = JSON.parse(await place.read(`${anchor}/peek`))
    t.strictSame(Cmd, {
      Env: [],
      Dir: '/',
      Path: 'printf',
      Args: ['%s-', 'a', 'b c'],
      Scrub: false,
      User: '',
      Detach: false,
      Stdout: 'pipe',
      Stderr: 'pipe',
    })
  })

  sentence('X15 scrub takes any element off its anchor', async (t, place) => {
    const anchor = await place.anchor()
    for (const command of ['mkchan', 'mkchan 3', 'run sleep 60', 'run true']) {
      await place.command(anchor, command)
      const { Pid } = JSON.parse(await place.read(`${anchor}/peek`))
      t.equal(await place.command(anchor, 'scrub'), 'ok')
      t.equal(await place.read(`${anchor}/peek`), 'null\n')
      t.equal(await place.command(anchor, 'scrub'), 'ENOENT')
      if (command === 'run sleep 60') await place.print('kill "$P"', { P: String(Pid) })
    }
    await place.print('rmdir "$A"', { A: anchor })
  })

  sentence('X19 A verb for another element is EOPNOTSUPP, no verb EINVAL', async (t, place) => {
    const empty = await place.anchor()
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run cat')
    const results: Record<string, string> = {}
    for (const [name, anchor] of Object.entries({ empty, channel, process, server: place.server }))
      for (const verb of ['signal', 'kill', 'close', 'discard', 'leave', 'nonsense'])
        if (!(name === 'server' && verb === 'leave') && !(name === 'process' && verb === 'kill'))
          results[`${name} ${verb}`] = await place.command(anchor, `${verb} x`)
    const [other, none] = ['EOPNOTSUPP', 'EINVAL']
    t.strictSame(results, {
      'empty signal': other,
      'empty kill': other,
      'empty close': other,
      'empty discard': other,
      'empty leave': other,
      'empty nonsense': none,
      'channel signal': other,
      'channel kill': other,
      'channel close': none,
      'channel discard': other,
      'channel leave': other,
      'channel nonsense': none,
      'process signal': none,
      'process close': none,
      'process discard': none,
      'process leave': other,
      'process nonsense': none,
      'server signal': other,
      'server kill': other,
      'server close': other,
      'server discard': other,
      'server nonsense': none,
    })
    t.match(
      await error(place, empty),
      /"nonsense" is no command for an empty anchor; try one of: mkproc, run, mkdkr, mkchan/,
    )
    t.equal(await place.command(process, 'kill'), 'ok')
  })

  sentence('X20 Wrong arguments are EINVAL, and error says what is right', async (t, place) => {
    const empty = await place.anchor()
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run cat')
    const wrong: [string, string, RegExp][] = [
      [empty, 'mkchan 1 2', /usage: mkchan \[CAPACITY\]/],
      [empty, 'mkchan {}', /usage: mkchan/],
      [empty, 'run', /usage: run CMD/],
      [empty, 'mkproc', /fields Path Args/],
      [empty, 'mkproc true', /fields Path Args/],
      [channel, 'close x', /usage: close/],
      [channel, 'scrub x', /usage: scrub/],
      [process, 'signal', /usage: signal NAME/],
      [process, 'signal TERM INT', /usage: signal NAME/],
      [process, 'kill 9', /usage: kill/],
      [process, 'close', /usage: close stdin/],
      [process, 'discard', /usage: discard stdout\|stderr/],
      [place.server, 'leave now', /usage: leave/],
    ]
    for (const [anchor, command, usage] of wrong) {
      t.equal(await place.command(anchor, command), 'EINVAL', command)
      t.match(await error(place, anchor), usage)
    }
    t.equal(await place.command(process, 'kill'), 'ok')
  })

  sentence('X21 A command longer than 1 MiB is EFBIG', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      def feed(text):
          fd = open('ctl', O_WRONLY)
          for at in range(0, len(text), 1 << 16):
              result = code(write, fd, text[at:at + (1 << 16)])
              if isinstance(result, str): break
          close(fd)
          return result
      most = 1 << 20
      say(feed(b'nonsense'.ljust(most, b'x') + b'\\n'), feed(b'nonsense'.ljust(most + 1, b'x')), feed(b'run "'.ljust(4 * most, b'x')))
      say(feed(b'mkproc {"Path":"'.ljust(2 * most, b'x')), feed(b'#'.ljust(2 * most, b'x')), feed(b'\\n' * 3 * most + b'mkchan'))
      say(json.loads(content('peek'))['Cap'])`,
      { A: anchor },
    )
    t.equal(results, 'EINVAL EFBIG EFBIG\nEFBIG 65536 6\n0\n', 'a comment is no command')
  })

  sentence('X22 O_NONBLOCK does not turn a command away', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY | O_NONBLOCK)
      for n in range(20):
          write(fd, b'run true')
          assert content('peek') != 'null\\n'
          write(fd, b'scrub')
      say(code(write, fd, b'run /no/such/program'))`,
      { A: anchor },
    )
    t.equal(results, 'ENOENT\n')
  })

  sentence('X23 A command is UTF-8 without NUL', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      String.raw`
      fd = open('ctl', O_WRONLY)
      say(*(code(write, fd, text) for text in [b'run echo \xff', b'run echo a\x00b', b'run \xc3', b'mkproc {"Path":"\xed\xa0\x80"}', b'\x00']))`,
      { A: anchor },
    )
    t.equal(results, 'EINVAL EINVAL EINVAL EINVAL EINVAL\n')
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
  })

  sentence('X24 A command on a removed anchor is ENOENT', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY)
      os.rmdir(A)
      say(code(write, fd, b'mkchan'))
      os.mkdir(A)
      say(code(write, fd, b'mkchan'), content('peek').strip())`,
      { A: anchor },
    )
    t.equal(results, 'ENOENT\nENOENT null\n')
  })

  sentence('X25 No call answers EIO', async (t, place) => {
    t.notMatch(readFileSync(new URL('../../../src/proto/errors.ts', import.meta.url), 'utf8'), /\bEIO\b/)
    // A long walk over odd calls on every file of every kind.
    const anchors = [
      await place.anchor(),
      await place.anchor('mkchan 1'),
      await place.anchor('run true'),
      place.server,
    ]
    await place.read(`${anchors[2]}/wait`)
    const results = await place.python(
      `
      seen = set()
      def odd(call, *args):
          result = code(call, *args)
          seen.add(result if isinstance(result, str) else '')
          return result
      def walk(anchor):
          for name in os.listdir(anchor):
              path = anchor + '/' + name
              if not os.path.isfile(path): continue
              for flags in O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC:
                  fd = odd(os.open, path, flags | O_NONBLOCK)
                  if isinstance(fd, str): continue
                  odd(write, fd, b'')
                  odd(write, fd, b'\\xff')
                  odd(read, fd, 1)
                  odd(os.pread, fd, 5, 1 << 40)
                  odd(os.pwrite, fd, b'x', 3)
                  odd(os.lseek, fd, 5, os.SEEK_END)
                  odd(os.ftruncate, fd, 1 << 40)
                  odd(os.fsync, fd)
                  odd(os.posix_fallocate, fd, 0, 10)
                  odd(os.getxattr, path, 'user.x')
                  odd(os.setxattr, path, 'user.x', b'x')
                  odd(os.listxattr, path)
                  odd(fcntl.flock, fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                  odd(fcntl.ioctl, fd, 0x5401, b'x' * 64)
                  odd(os.sendfile, fd, fd, 0, 9)
                  odd(os.copy_file_range, fd, fd, 9)
                  close(fd)
      for walker in [Call(walk, anchor) for anchor in os.environ['ANCHORS'].split()]: walker.result(60)
      odd(os.statvfs, M)
      say(seen & {'EIO', 'EPROTO', 'ENOSYS'}, len(seen) > 5)`,
      { ANCHORS: anchors.join(' ') },
    )
    t.equal(results, 'set() True\n')
  })
})
