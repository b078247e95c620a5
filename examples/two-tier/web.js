/** The web tier of two-tier.sh: greets, with the greeting and the number of the visitor from Redis. */
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const { ADDRESS, REDIS, SECRET } = process.env

const redis = connect(16379, REDIS)
/** Callers that wait for the next lines of Redis, in their order. */
const waiting = []
createInterface({ input: redis }).on('line', (line) => waiting.shift()?.(line))
const nextLine = () => new Promise((resolve) => waiting.push(resolve))

/** A command whose answer is one line, without the character that says its type. */
async function ask(command) {
  redis.write(`${command}\r\n`)
  const line = await nextLine()
  if (line.startsWith('-')) throw new Error(line)
  return line.slice(1)
}

await ask(`AUTH ${SECRET}`)
const [, greeting] = await Promise.all([ask('GET greeting'), nextLine()]) // its length, and itself

createServer(async (_, response) => {
  try {
    response.end(`${greeting}, visitor ${await ask('INCR visitors')}\n`)
  } catch (error) {
    response.writeHead(502).end(`${error.message}\n`)
  }
}).listen(18080, ADDRESS, () => console.log('listening'))
