/** How a process closes a file decides what becomes of what it sent: by itself, in execve(2), killed. */
import t from 'tap'
import { noMount, startServer } from '../../server.ts'

/** Opens with O_CLOEXEC, as Python does, sends something, then does as the last argument says. */
const SENDER = `
import os, signal, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(fd, b'sent')
if sys.argv[2] == 'exec': os.execv('/bin/echo', ['echo', 'went on'])
if sys.argv[2] == 'kill': os.kill(os.getpid(), signal.SIGKILL)
`

t.test('how a sender ends', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const send = async (end: string) => {
    const anchor = await server.anchor('mkchan 1')
    return server.sh('python3 -c "$P" "$A/send" $E; echo $?; grep NumSend "$A/peek"', {
      env: { A: anchor, P: SENDER, E: end },
    })
  }
  const sent = '\t"NumSend": 1,\n'
  t.equal((await send('exit')).stdout, `0\n${sent}`, 'in order: it has sent')
  // execve closes the file while it holds a lock of the process that reading its /proc/PID/stat waits for.
  t.equal((await send('exec')).stdout, `went on\n0\n${sent}`, 'by becoming another program: it has sent')
  t.equal((await send('kill')).stdout, '137\n\t"NumSend": 0,\n', 'killed: it has not')
})
