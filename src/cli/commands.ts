/** All commands, in the order in which help lists them. A new one is one line here. */
import type { Command, Commands } from './command.ts'
import { freeBuffersSoon } from './garbage.ts'
import { makeHelp } from './help.ts'

/** Loads a command that moves bytes for as long as it runs. */
async function loadServing(load: () => Promise<Command>): Promise<Command> {
  // Before all of it is loaded: that lets the young generation grow.
  freeBuffersSoon()
  return load()
}

export const commands: Commands = {
  start: () => loadServing(async () => (await import('./start.ts')).start),
  mount: () => loadServing(async () => (await import('./mount.ts')).mount),
  keygen: async () => (await import('./keygen.ts')).keygen,
  join: async () => (await import('./control.ts')).join,
  leave: async () => (await import('./control.ts')).leave,
  suicide: async () => (await import('./control.ts')).suicide,
  ls: async () => (await import('./ls.ts')).ls,
  members: async () => (await import('./members.ts')).members,
  peek: async () => (await import('./files.ts')).peek,
  run: async () => (await import('./run.ts')).run,
  mkproc: async () => (await import('./make.ts')).mkproc,
  mkdkr: async () => (await import('./make.ts')).mkdkr,
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
  'mk@join': async () => (await import('./make.ts')).mkJoin,
  'mk@leave': async () => (await import('./make.ts')).mkLeave,
  set: async () => (await import('./control.ts')).set,
  unset: async () => (await import('./control.ts')).unset,
  scrub: async () => (await import('./control.ts')).scrub,
  help: async () => makeHelp(commands),
  completion: async () => (await import('./completion.ts')).makeCompletion(commands),
  version: async () => (await import('./version.ts')).version,
}
