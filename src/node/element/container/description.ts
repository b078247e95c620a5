/** A container as its maker describes it, and as the engine wants it. Pure. */
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import { CircuitError } from '../../../proto/errors.ts'
import type { ContainerSpec } from '../container.ts'

export interface Identity {
  readonly server: string
  readonly serverName: string
  /** Path of the anchor. */
  readonly anchor: string
  /** Something that no other container has. */
  readonly unique: string
}

/** The labels by which the containers of circuits are found. */
export const LABEL = {
  server: 'circuit.server',
  serverName: 'circuit.name',
  anchor: 'circuit.anchor',
} as const

/** The engine takes names of these characters only. */
const nameOf = ({ anchor, unique }: Identity): string =>
  `circuit${anchor.replace(/[^a-zA-Z0-9_.-]+/g, '-').slice(0, 100)}-${unique}`

/** The body of the engine's request to create it. @throws CircuitError EINVAL, EOPNOTSUPP */
export function creation(spec: ContainerSpec, identity: Identity): ContainerCreateOptions {
  if (spec.Lxc && spec.Lxc.length > 0)
    throw new CircuitError(
      'EOPNOTSUPP',
      'mkdkr: Docker has had no LXC since 2015: leave out the field Lxc, and use Cpus, CpuShares, Memory and Network',
    )
  const { Path, Args = [], Entry = '', Volume = [], Tty = false } = spec
  if (Path === undefined && Args.length > 0)
    throw new CircuitError(
      'EINVAL',
      'mkdkr: Args need a Path: the program to run, or the first argument of Entry',
    )
  const ports = (spec.Ports ?? []).map(parsePort)
  const host: HostConfig = {
    // Signals would not reach the program: the kernel spares process 1 those that it does not handle.
    Init: true,
    // What is written is read here; the engine would keep it a second time, without limit.
    LogConfig: { Type: 'none', Config: {} },
    Binds: Volume.filter((volume) => volume.includes(':')),
    PortBindings: Object.fromEntries(
      ports.map(({ port }) => [
        port,
        ports.filter((other) => other.port === port).map((other) => other.host),
      ]),
    ),
    RestartPolicy: parseRestart(spec.Restart),
    ...(spec.Memory !== undefined && { Memory: spec.Memory, MemorySwap: spec.Memory }),
    ...(spec.CpuShares !== undefined && { CpuShares: spec.CpuShares }),
    ...(spec.Cpus !== undefined && { NanoCpus: Math.round(spec.Cpus * 1e9) }),
    ...(spec.Network !== undefined && { NetworkMode: spec.Network }),
  }
  return {
    name: nameOf(identity),
    Image: spec.Image,
    ...(Path !== undefined && { Cmd: [Path, ...Args] }),
    ...(Entry !== '' && { Entrypoint: [Entry] }),
    ...(spec.Env && { Env: [...spec.Env] }),
    ...(spec.Dir !== undefined && { WorkingDir: spec.Dir }),
    ...(spec.User !== undefined && { User: spec.User }),
    Tty,
    OpenStdin: true,
    // With both, the end of the connection's input is the end of the container's.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Volumes: Object.fromEntries(Volume.filter((volume) => !volume.includes(':')).map((path) => [path, {}])),
    ExposedPorts: Object.fromEntries(ports.map(({ port }) => [port, {}])),
    Labels: {
      ...spec.Labels,
      [LABEL.server]: identity.server,
      [LABEL.serverName]: identity.serverName,
      [LABEL.anchor]: identity.anchor,
    },
    HostConfig: host,
  }
}

interface Port {
  /** As in `80/tcp`. */
  readonly port: string
  readonly host: { readonly HostIp: string; readonly HostPort: string }
}

/** `80`, `8080:80`, `127.0.0.1:8080:80`, each with `/udp` or without. */
function parsePort(text: string): Port {
  const found = /^(?:(?:(\[[^\]]+\]|[^:]+):)?(\d*):)?(\d+)(\/(?:tcp|udp|sctp))?$/.exec(text)
  if (!found)
    throw new CircuitError(
      'EINVAL',
      `mkdkr: Ports are like "8080:80" or "127.0.0.1:53:53/udp", not "${text}"`,
    )
  const [, ip = '', published = '', inside = '', protocol = '/tcp'] = found
  return { port: `${inside}${protocol}`, host: { HostIp: ip.replace(/[[\]]/g, ''), HostPort: published } }
}

/** `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`. */
function parseRestart(text = 'no'): { Name: string; MaximumRetryCount?: number } {
  const found = /^(no|always|unless-stopped|on-failure)(?::(\d{1,6}))?$/.exec(text)
  const [, name = '', times] = found ?? []
  if (!found || (times !== undefined && name !== 'on-failure'))
    throw new CircuitError(
      'EINVAL',
      `mkdkr: Restart is "no", "always", "unless-stopped", "on-failure" or "on-failure:3", not "${text}"`,
    )
  return { Name: name, ...(times !== undefined && { MaximumRetryCount: Number(times) }) }
}
