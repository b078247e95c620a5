/** What changes through one mount is seen through every other, though each kernel remembers what it has looked up. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { noMount, runShell, startServer } from '../server.ts'

/** Looks at all there is, again and again, so that the kernel has everything in its memory. */
const CURIOUS = `
import os, sys
print('begun', flush=True)
while True:
  for at, directories, _ in os.walk(sys.argv[1]):
    for name in directories:
      try: os.stat(at + '/' + name).st_nlink
      except FileNotFoundError: pass`

/** Changes a tree of two levels through either mount, and compares it after each change with what it should be. */
const CHANGING = `
import os, random, sys
mounts = sys.argv[1:3]
random.seed(sys.argv[3])
model = {}
names = ['a', 'b', 'c']
channel = {'send', 'recv'}
own = {'ctl', 'peek', 'error', 'help'}

def look(mount):
  for name in names:
    path = f'{mount}/{name}'
    there = os.path.isdir(path)
    assert there == (name in model), (path, there)
    if there:
      children = model[name]
      assert os.stat(path).st_nlink in (1, len(children) + 2), (path, os.stat(path).st_nlink, children)
      assert set(os.listdir(path)) == own | children.keys(), (path, os.listdir(path))
      for child in names:
        assert os.path.isdir(f'{path}/{child}') == (child in children), (path, child)
        if child in children:
          found = set(os.listdir(f'{path}/{child}'))
          assert found == own | (channel if children[child] else set()), (path, child, found)
          assert os.path.exists(f'{path}/{child}/send') == children[child]
  assert {n for n in os.listdir(mount) if n in names} == model.keys(), os.listdir(mount)

def command(path, text):
  with open(path + '/ctl', 'wb', 0) as ctl: ctl.write(text)

for step in range(int(sys.argv[4])):
  mount, name, child = random.choice(mounts), random.choice(names), random.choice(names)
  path = f'{mount}/{name}'
  if name not in model: os.mkdir(path); model[name] = {}
  elif child not in model[name]: os.mkdir(f'{path}/{child}'); model[name][child] = False
  elif not model[name][child] and random.random() < 0.5: command(f'{path}/{child}', b'mkchan'); model[name][child] = True
  else:
    for child in model[name]:
      if model[name][child]: command(f'{path}/{child}', b'scrub')
      os.rmdir(f'{random.choice(mounts)}/{name}/{child}')
    os.rmdir(path); del model[name]
  for mount in random.sample(mounts, 2): look(mount)
print('as it should be')`

for (const reader of ['epoll', 'pool'])
  t.test(`anchors change through two mounts, with the reader ${reader}`, { skip: noMount }, async (t) => {
    const options = { env: { CIRCUIT_FUSE_READER: reader } }
    const home = await startServer(t, options)
    const away = await startServer(t, { ...options, args: ['--name', 'away', '-j', home.url] })
    const mounts = [home.self, `${away.mount}/${home.id}`]
    const curious = spawn('python3', ['-c', CURIOUS, home.self], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(curious.stdout, 'data')
    const changed = await runShell(`python3 -c "$P" ${mounts.join(' ')} ${reader} 60`, {
      env: { P: CHANGING },
      limit: 60_000,
    })
    t.same(changed, { status: 0, stdout: 'as it should be\n', stderr: '' })
    t.equal(curious.exitCode, null, 'somebody was looking all the time')
    curious.kill()
    await once(curious, 'close')
  })
