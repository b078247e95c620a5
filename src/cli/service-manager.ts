/**
 * sd_notify(3): tells the service manager that started us (systemd, `Type=notify`) how far we are. Node has no datagram
 * sockets of the Unix kind, so systemd's own program says it, in our name.
 */
import { execFile } from 'node:child_process'

export interface ServiceManager {
  /** We serve; `status` is for people. Nothing happens where nobody has asked. */
  ready(status: string): void
}

/** Who wants to be told. Taken out of the environment: programs that we start must not speak for us. */
export function takeServiceManager(complain: (text: string) => void): ServiceManager {
  const { NOTIFY_SOCKET } = process.env
  delete process.env.NOTIFY_SOCKET
  if (!NOTIFY_SOCKET) return { ready() {} }
  const env = { ...process.env, NOTIFY_SOCKET }
  return {
    ready: (status) =>
      void execFile(
        'systemd-notify',
        ['--ready', `--pid=${process.pid}`, `--status=${status}`],
        { env, cwd: '/' },
        (error) => error && complain(`can't tell the service manager: ${error.message.trim()}`),
      ),
  }
}
