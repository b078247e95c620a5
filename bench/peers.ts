/** What our streams and messages are compared with: FIFOs and Redis. */
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { LoadOptions } from './loads.ts'
import { command, end, onCpu, ready, start, withTemporaryDir } from './programs.ts'

/** Makes a FIFO for the time of a function, which gets its path. */
export async function withFifo<T>(fn: (path: string) => Promise<T>): Promise<T> {
  return withTemporaryDir(async (dir) => {
    const path = join(dir, 'fifo')
    command('mkfifo', [path])
    return fn(path)
  })
}

/**
 * Runs a Redis of its own, without persistence, for the time of a function, which gets the path of its socket
 * for `redis-push` and `redis-pop`.
 */
export async function withRedis<T>(
  fn: (socket: string) => Promise<T>,
  options: Pick<LoadOptions, 'cpu'> = {},
): Promise<T> {
  command('redis-server', ['--version'])
  return withTemporaryDir(async (dir) => {
    const socket = join(dir, 'redis')
    const running = start(onCpu(redisCommand(dir, socket), options.cpu))
    try {
      await ready('redis-server', running, () => accepts(socket))
      return await fn(socket)
    } finally {
      await end(running)
    }
  })
}

/** Redis on a unix socket alone; it ends with the thread that started it, whatever that one dies of. */
function redisCommand(dir: string, socket: string): string[] {
  const settings = { port: '0', unixsocket: socket, save: '', appendonly: 'no', dir, daemonize: 'no' }
  const flags = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
  return ['setpriv', '--pdeathsig', 'TERM', 'redis-server', ...flags]
}

/** Whether somebody listens on a unix socket. */
async function accepts(path: string): Promise<boolean> {
  const connection = createConnection(path)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}
