/** Looks up users, by the system's own rules (nsswitch.conf), with getent(1). */
import { execFile } from 'node:child_process'
import { CircuitError } from '../../../proto/errors.ts'

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
}

/** @param nameOrId as passwd(5) has it @throws CircuitError EINVAL when there is no such user */
export function findUser(nameOrId: string, signal: AbortSignal): Promise<User> {
  return new Promise((resolve, reject) => {
    execFile('getent', ['passwd', '--', nameOrId], { signal, cwd: '/' }, (error, stdout) => {
      const [name = '', , uid = '', gid = '', , home = '/', shell = '/bin/sh'] = stdout.trim().split(':')
      if (!error && name !== '') return resolve({ name, uid: Number(uid), gid: Number(gid), home, shell })
      reject(new CircuitError('EINVAL', `there is no user ${nameOrId} on this host`, { cause: error }))
    })
  })
}
