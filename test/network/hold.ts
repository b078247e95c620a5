/**
 * Holds a network of hosts, each with a server of one circuit, until its input ends: what examples/network.sh runs. It
 * prints one line, variables for a shell on the first host.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { network } from '../network.ts'

const downs: (() => void | Promise<void>)[] = []
const scope = { teardown: (down: () => void | Promise<void>): void => void downs.unshift(down) }
const inputEnded = new Promise((resolve) => process.stdin.once('end', resolve).resume())

async function hold(count: number): Promise<void> {
  const { hosts, keyFile } = await network(scope, count)
  const [first] = hosts
  if (first === undefined) return
  const url = join(tmpdir(), 'url')
  writeFileSync(url, `${first.url}\n`)
  console.log(
    `enter='${first.enter.join(' ')}'; export C='${first.mount}' CIRCUIT='${url}' CIRCUIT_HMAC='${keyFile}' DISPOSABLE=1`,
  )
  await inputEnded
}

try {
  await hold(Number(process.argv[2]))
} catch (error) {
  console.error(`examples/network.sh: no network could be made: ${error}`)
  process.exitCode = 1
} finally {
  for (const down of downs) await down()
}
// Whoever starts it may still hold the other end of its input.
process.exit()
