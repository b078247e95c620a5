/** A registry of one image, as far as the engine needs one to pull (OCI distribution specification). */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Scope } from '../server.ts'

export interface Registry {
  /** The image's name; the engine takes a registry on loopback without TLS. */
  readonly image: string
  /** One whose layer never comes. */
  readonly endless: string
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const UNKNOWN = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] })
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' }

/** What the registry has of an image, by name: layer, description and the list of both. */
function imageOf(root: Buffer): Readonly<Record<'layer' | 'config' | 'manifest', Buffer>> {
  const layer = gzipSync(root, { level: 1 })
  const config = Buffer.from(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(root)] },
    }),
  )
  const entry = (mediaType: string, bytes: Buffer) => ({
    mediaType: `application/vnd.docker.${mediaType}`,
    size: bytes.length,
    digest: digestOf(bytes),
  })
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: entry('container.image.v1+json', config),
      layers: [entry('image.rootfs.diff.tar.gzip', layer)],
    }),
  )
  return { layer, config, manifest }
}

/** @param root a tar file of the image's files */
export async function startRegistry(t: Scope, root: Buffer): Promise<Registry> {
  const whole = imageOf(root)
  const endless = imageOf(Buffer.concat([root, Buffer.alloc(512)]))
  const server = createServer(({ url = '', method }, response) => {
    const name = url.split('/').at(-1)
    const { layer, config, manifest } = url.includes('/endless/') ? endless : whole
    const isThere = /^\/v2\/test\/(endless\/)?image\//.test(url)
    const known =
      name === 'latest' ? manifest : [layer, config, manifest].find((bytes) => digestOf(bytes) === name)
    const bytes = url === '/v2/' ? Buffer.from('{}') : known
    if (bytes === undefined || !(isThere || url === '/v2/')) return void response.writeHead(404).end(UNKNOWN)
    response.writeHead(200, {
      'Content-Type': bytes === manifest ? MANIFEST : 'application/octet-stream',
      'Content-Length': bytes.length,
      'Docker-Content-Digest': digestOf(bytes),
    })
    if (method === 'HEAD') response.end()
    else if (bytes === endless.layer) response.write(bytes.subarray(0, 1000))
    else response.end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { image: `127.0.0.1:${port}/test/image`, endless: `127.0.0.1:${port}/test/endless/image` }
}
