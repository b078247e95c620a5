/** All commands, in the order in which help lists them. A new one is one line here. */
import type { Commands } from './command.ts'
import { makeHelp } from './help.ts'

export const commands: Commands = {
  start: async () => (await import('./start.ts')).start,
  mount: async () => (await import('./mount.ts')).mount,
  keygen: async () => (await import('./keygen.ts')).keygen,
  join: async () => (await import('./control.ts')).join,
  leave: async () => (await import('./control.ts')).leave,
  suicide: async () => (await import('./control.ts')).suicide,
  ls: async () => (await import('./ls.ts')).ls,
  peek: async () => (await import('./files.ts')).peek,
  run: async () => (await import('./run.ts')).run,
  mkproc: async () => (await import('./make.ts')).mkproc,
  stdin: async () => (await import('./files.ts')).stdin,
  stdout: async () => (await import('./files.ts')).stdout,
  stderr: async () => (await import('./files.ts')).stderr,
  wait: async () => (await import('./wait.ts')).wait,
  waitall: async () => (await import('./wait.ts')).waitall,
  signal: async () => (await import('./control.ts')).signal,
  mkchan: async () => (await import('./make.ts')).mkchan,
  send: async () => (await import('./files.ts')).send,
  recv: async () => (await import('./files.ts')).recv,
  close: async () => (await import('./control.ts')).close,
  mkdns: async () => (await import('./make.ts')).mkdns,
  set: async () => (await import('./control.ts')).set,
  unset: async () => (await import('./control.ts')).unset,
  scrub: async () => (await import('./control.ts')).scrub,
  help: async () => makeHelp(commands),
  version: async () => (await import('./version.ts')).version,
}
