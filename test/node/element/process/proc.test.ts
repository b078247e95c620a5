import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { exitOfZombie, processState } from '../../../../src/node/element/process/proc.ts'
import { until } from '../../../server.ts'

/** Starts a program, and gives the number that it prints. */
async function start(t: Test, program: string, ...args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return Number(line)
}

const python = (t: Test, script: string): Promise<number> => start(t, '/usr/bin/python3', '-c', script)

/** A child of a program that never waits for it. */
const unwaited = (t: Test, call: string): Promise<number> =>
  python(t, `import os, time\nprint(os.fork() or os.${call}, flush=True)\ntime.sleep(1000)`)

t.test('how a process ended that nobody has waited for', async (t) => {
  const running = await unwaited(t, 'execlp("sleep", "sleep", "1000")')
  t.equal(exitOfZombie(running), undefined)
  process.kill(running, 'SIGTERM')
  const exited = await unwaited(t, '_exit(3)')
  await until(() => processState(exited) === 'Z' && processState(running) === 'Z')
  t.strictSame(exitOfZombie(exited), { code: 3, signal: null })
  t.strictSame(exitOfZombie(running), { code: null, signal: 'SIGTERM' })
})

t.test('a process whose first thread has ended still runs', async (t) => {
  // exit(2), which ends a thread.
  const number = process.arch === 'x64' ? 60 : 93
  const script = `
import ctypes, os, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).syscall(${number}, 0)`
  const pid = await python(t, script)
  await until(() => processState(pid) === 'Z')
  t.equal(exitOfZombie(pid), undefined)
})
