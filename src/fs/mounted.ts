/** A mounted tree: the kernel's session and the tree it serves, as one thing to start and to stop. */
import { setImmediate } from 'node:timers/promises'
import type { Metric } from '../node/metrics.ts'
import type { Namespace } from '../node/namespace.ts'
import { FuseDevice } from './kernel/device.ts'
import type { ReaderKind } from './kernel/reader.ts'
import { Session } from './kernel/session.ts'
import { type Ownership, Tree } from './tree.ts'

export interface ServeOptions {
  readonly owner: Ownership
  /** Whether all that the kernel may know of a path changes only through this mount, or it is told. */
  readonly isOwn: (path: string) => boolean
  readonly unmount: () => Promise<void>
  /** Forces a way of reading from the kernel. */
  readonly reader?: ReaderKind
}

export interface Mounted {
  /** Settles when somebody else has unmounted it, or when it can't be served any more, with the reason. */
  readonly ended: Promise<Error | undefined>
  /** Answers whoever is blocked with EINTR, and unmounts. */
  stop(): Promise<void>
  /** Makes the kernel forget what it knows of an anchor and its parent; settles when it has. */
  forget(path: string): Promise<void>
  /** Makes the kernel look a server's anchor up anew; settles when it will. */
  forgetServer(id: string): Promise<void>
  metrics(): readonly Metric[]
}

/** Serves a namespace on a descriptor of /dev/fuse that is mounted. */
export function serve(fd: number, namespace: Namespace, options: ServeOptions): Mounted {
  const tree = new Tree(namespace, {
    owner: options.owner,
    isOwn: options.isOwn,
    notifyPoll: (kernelHandle) => session.notifyPoll(kernelHandle),
    forgetAttributes: (node) => session.invalidateAttributes(node),
  })
  const session = new Session(new FuseDevice(fd, options.reader), tree)
  let gone = false
  void session.ended.then((error) => {
    gone = error === undefined
  })
  return {
    ended: session.ended,
    async stop() {
      session.interruptAll()
      if (gone) return
      await options.unmount()
      // Calls that came while it was being unmounted.
      session.interruptAll()
    },
    async forget(path) {
      const known = tree.invalidated(path)
      if (known === undefined) return
      await session.invalidateName(known.parent, known.name)
      // The answer that tells the kernel of the parent may still be under way.
      while (!session.invalidateAttributes(known.parent) && tree.remembers(known.parent)) await setImmediate()
    },
    async forgetServer(id) {
      const { parent, name } = tree.serverChanged(id)
      await session.invalidateName(parent, name)
      session.invalidateAttributes(parent)
    },
    metrics: () => [
      {
        name: 'fuse_requests_total',
        type: 'counter',
        help: 'Requests of the kernel served.',
        value: session.requests,
      },
      {
        name: 'fuse_requests_waiting',
        type: 'gauge',
        help: 'Requests that are blocked now.',
        value: session.waiting,
      },
      { name: 'fuse_open_files', type: 'gauge', help: 'Special files that are open.', value: tree.openFiles },
      { name: 'fuse_nodes', type: 'gauge', help: 'Nodes that the kernel remembers.', value: tree.nodes },
      {
        name: 'fuse_reader',
        type: 'gauge',
        help: 'How requests are read.',
        value: { label: 'kind', values: { [session.reader]: 1 } },
      },
    ],
  }
}
