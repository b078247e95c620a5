/** What waits, by nature, in an anchor that holds an empty channel or a silent process, and what does not. */
import { code, command, remarks, table } from './markdown.ts'
import type { Use } from './workshop.ts'

/** What the anchor holds: a channel of capacity 0 without a message, or a process that neither reads nor writes. */
export const HOLDS = { channel: 'mkchan', process: 'run sleep 1000' } as const

export interface Waiting extends Use {
  readonly in: keyof typeof HOLDS
  /** The tool waits until it gets TERM, and ends with this status then; default: 143. Undefined: it does not wait. */
  readonly waits?: true
  readonly status?: number
  readonly prints?: string
  readonly complains?: string
  readonly says?: string
}

const waits = { in: 'channel', waits: true } as const
const waitsInProcess = { in: 'process', waits: true } as const
const trap = `trap 'echo caught; exit 7' TERM; read -r x < recv`
const trapped = { ...waits, run: trap, status: 7, prints: 'caught\n' } as const
const openNow = 'import os, select; fd = os.open("recv", os.O_RDONLY | os.O_NONBLOCK)'

export const waiting: readonly Waiting[] = [
  ...[
    'cat recv',
    'busybox cat recv',
    'busybox cat recv | cat',
    'head -n 1 recv',
    'tail -n 1 recv',
    'tail -f recv',
    'wc recv',
    'grep x recv',
    'grep -r x recv',
    'sed 1q recv',
    'sort recv',
    'dd if=recv status=none',
    'cp recv ~/copy',
    'cp -r . ~/copy',
    'diff recv /dev/null',
    'read -r x < recv',
    'x=$(cat recv)',
    'python3 -c \'open("recv").read()\'',
    'perl -e \'open F, "recv"; <F>\'',
    'node -e \'fs.readFileSync("recv")\'',
    'node -e \'fs.promises.readFile("recv")\'',
    'echo x > send',
    'echo x >> send',
    'cp ~/text send',
    'tee send < ~/text > /dev/null',
  ].map((run) => ({ ...waits, run })),
  ...['cat stdout', 'cat stderr', 'cat wait', 'cp -r . ~/copy', 'head -c 1000000 /dev/zero > stdin'].map(
    (run) => ({ ...waitsInProcess, run }),
  ),
  ...['bash', 'dash', 'zsh'].map((shell) => ({
    ...trapped,
    shell,
    says: 'the trap is run at once',
  })),
  { in: 'channel', run: ': > send', prints: '', says: 'an empty message never waits' },
  {
    in: 'channel',
    run: 'touch recv send; ls -l; stat recv > ~/x; test -s recv',
    status: 1,
    says: 'nor does what takes nothing',
  },
  {
    in: 'channel',
    run: 'dd if=recv iflag=nonblock status=none',
    status: 1,
    complains: "dd: error reading 'recv': Resource temporarily unavailable",
    says: 'O_NONBLOCK: it is told so instead',
  },
  {
    in: 'channel',
    run: 'dd of=send oflag=nonblock status=none < ~/text',
    status: 1,
    complains: "dd: error writing 'send': Resource temporarily unavailable",
    says: 'the same for writing; nothing is sent',
  },
  {
    in: 'channel',
    run: 'grep -r x . > ~/x',
    status: 2,
    complains: 'recv: Resource temporarily unavailable',
    says: 'opens with O_NONBLOCK what it finds in a directory',
  },
  { in: 'channel', run: 'timeout 0.1 cat recv', status: 124, says: 'gives up' },
  {
    in: 'channel',
    run: `python3 -c '${openNow}; print(select.select([fd], [], [], 0.1)[0])'`,
    prints: '[]\n',
    says: 'select, poll and epoll can wait for a time',
  },
  {
    in: 'channel',
    run: `python3 -c '${openNow}; print(select.select([fd], [], [])[0] == [fd], os.read(fd, 9))' & echo hello > send; wait`,
    prints: "True b'hello\\n'\n",
    says: 'or until something comes; a sender that waits for a receiver goes on',
  },
  {
    in: 'channel',
    run: `python3 -c '${openNow}; poll = select.epoll(); poll.register(fd, select.EPOLLIN); print(poll.poll() != [], os.read(fd, 9))' & echo hello > send; wait`,
    prints: "True b'hello\\n'\n",
    says: 'the same with epoll',
  },
  {
    in: 'channel',
    run: `python3 -c 'import asyncio, os; fd = os.open("recv", os.O_RDONLY | os.O_NONBLOCK); loop = asyncio.new_event_loop(); loop.add_reader(fd, lambda: (print(os.read(fd, 9)), loop.stop())); loop.run_forever()' & echo hello > send; wait`,
    prints: "b'hello\\n'\n",
    says: 'asyncio: `add_reader` and `add_writer` work',
  },
  {
    in: 'channel',
    run: `python3 -c 'import asyncio; asyncio.new_event_loop().run_until_complete(asyncio.get_event_loop_policy().new_event_loop().connect_read_pipe(asyncio.Protocol, open("recv")))'`,
    status: 1,
    complains: 'ValueError: Pipe transport is for pipes/sockets only.',
    says: 'asyncio’s streams want a pipe',
  },
  {
    in: 'channel',
    run: `node -e 'new net.Socket({ fd: fs.openSync("recv") })'`,
    status: 1,
    complains: 'ERR_INVALID_FD_TYPE',
    says: 'so do Node’s sockets',
  },
  {
    in: 'channel',
    run: `node -e 'for (let n = 0; n < 4; n++) fs.read(fs.openSync("recv"), () => console.log("message")); fs.readFile("peek", () => console.log("peek"))' | sed -n 1p & for i in 1 2 3 4; do echo $i > send; done; wait`,
    prints: 'message\n',
    says: 'four that wait keep Node’s whole pool of threads (UV_THREADPOOL_SIZE) busy: other files have to wait too',
  },
]

const WHERE = { channel: 'an empty channel', process: 'a silent process' } as const

/** Those that just wait are told together. */
const plain = (row: Waiting): boolean => row.waits === true && row.says === undefined

const together = (where: keyof typeof HOLDS): string[] => [
  waiting
    .filter((row) => plain(row) && row.in === where)
    .map(command)
    .join(', '),
  WHERE[where],
  'yes',
  '',
]

export const waitingTable = (): string =>
  table(
    ['command', 'where', 'waits', ''],
    [
      together('channel'),
      together('process'),
      ...waiting
        .filter((row) => !plain(row))
        .map((row) => [
          command(row),
          WHERE[row.in],
          row.waits ? 'yes' : 'no',
          remarks(row.says, row.complains && `says ${code(row.complains)}`),
        ]),
    ],
  )
