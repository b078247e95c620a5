/** Clients that are blocked in calls on a tree, in Perl, which neither retries nor hides the error. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestServer, until } from '../server.ts'

/** Each word is MODE:FILE; one process a word makes one call, and prints the number of its error. */
const CLIENTS = `
use Fcntl;
use POSIX ();
for (@ARGV) {
  my ($mode, $file) = split /:/, $_, 2;
  next if fork;
  sysopen(my $f, $file, $mode eq 'w' ? O_WRONLY : $mode eq 'rw' ? O_RDWR : O_RDONLY) or die "$file: $!";
  my $done = $mode eq 'w' ? syswrite($f, 'x') : sysread($f, my $bytes, 4096);
  syswrite(STDOUT, defined $done ? "done\\n" : ($! + 0) . "\\n");
  POSIX::_exit(0);
}
1 while wait > 0;
`

export interface Blocked {
  /** How each call ended, when all have: error numbers, and how often each came. */
  readonly ends: Promise<Record<string, number>>
  readonly child: ChildProcess
}

/** Ten readers each of a channel's `recv`, with < and with <>, of a process's `stdout` and `wait`, and ten senders. */
export async function blockFifty(server: TestServer): Promise<Blocked> {
  const empty = await server.anchor('mkchan')
  const full = await server.anchor('mkchan')
  const process = await server.anchor('run sleep 1000')
  const calls = [
    `r:${empty}/recv`,
    `rw:${empty}/recv`,
    `w:${full}/send`,
    `r:${process}/stdout`,
    `r:${process}/wait`,
  ]
  const words = calls.flatMap((call) => Array<string>(10).fill(call))
  const child = spawn('perl', ['-e', CLIENTS, ...words], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
  let said = ''
  child.stdout.on('data', (bytes) => {
    said += bytes
  })
  const ends = once(child, 'close').then(() => {
    const counts: Record<string, number> = {}
    for (const line of said.trim().split('\n')) counts[line] = (counts[line] ?? 0) + 1
    return counts
  })
  await until(async () => /fuse_requests_waiting 50\n/.test((await server.sh('cat $S/metrics')).stdout))
  return { ends, child }
}
