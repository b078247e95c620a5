// What tests can leave behind on a machine: processes, FUSE mounts, network namespaces and links.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

const read = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // a process that has just ended, or another user's
  }
}

const list = (path) => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** Every process, by id. Zombies are left out: they have ended. */
function processes() {
  const found = new Map()
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = read(`/proc/${name}/stat`)
    // The command's name stands in parentheses, and may hold anything (proc_pid_stat(5)).
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (parent !== undefined && state !== 'Z' && state !== 'X') found.set(Number(name), Number(parent))
  }
  return found
}

/** The ids of all processes below one. */
export function descendants(ancestor) {
  const parents = processes()
  const below = (pid) => {
    for (let parent = parents.get(pid); parent !== undefined; parent = parents.get(parent)) {
      if (parent === ancestor) return true
    }
    return false
  }
  return [...parents.keys()].filter(below)
}

/** The ids of all processes that carry this run's mark in their environment, wherever they went. */
export function marked(runId) {
  const mark = `CIRCUIT_TEST_RUN=${runId}`
  const carries = (pid) => read(`/proc/${pid}/environ`).split('\0').includes(mark)
  return [...processes().keys()].filter((pid) => pid !== process.pid && carries(pid))
}

export function describeProcess(pid) {
  const command =
    read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() || read(`/proc/${pid}/comm`).trim()
  return `process ${pid}: ${command.slice(0, 200)}`
}

const unescaped = (path) =>
  path.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Where something is mounted below a directory, the innermost first. */
export const mountsBelow = (directory) =>
  read('/proc/self/mountinfo')
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((place) => place.startsWith(`${directory}/`))
    .reverse()

/** The FUSE mounts as `id directory`: a mount's id is not used again as long as it is there. */
export function fuseMounts() {
  const mounts = new Map()
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    const [before, after] = line.split(' - ')
    if (!after?.startsWith('fuse.') && !after?.startsWith('fuse ')) continue
    const fields = before.split(' ')
    const directory = unescaped(fields[4])
    mounts.set(`${fields[0]} ${directory}`, directory)
  }
  return mounts
}

/** Detaches a mount, in use or not. */
export async function unmount(directory) {
  await run('umount', ['-l', '--', directory])
    .catch(() => run('fusermount3', ['-uz', '--', directory]))
    .catch((error) => process.stderr.write(`run-tests: ${error.message}\n`))
}

/** The names of the network namespaces that `ip netns` knows. */
export const networkNamespaces = () => list('/run/netns')

/** The names of the links in the machine's own network namespace. */
export const networkLinks = () => list('/sys/class/net')

export const removeNetworkNamespace = (name) => ip('netns', 'delete', name)
export const removeNetworkLink = (name) => ip('link', 'delete', name)

async function ip(...words) {
  await run('ip', words).catch((error) => process.stderr.write(`run-tests: ${error.message}\n`))
}
