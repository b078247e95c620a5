/** The sentence of the README that makes people try it: a program is run, read and awaited through files. */
import t from 'tap'
import { noMount, startServer } from './server.ts'

t.test('a program is run, read and awaited through files', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const { status, stdout } = await server.sh(`
    mkdir $S/build && echo 'run sh -c "echo made; exit 3"' > $S/build/ctl
    cat $S/build/stdout; exit $(cat $S/build/wait)`)
  t.equal(stdout, 'made\n')
  t.equal(status, 3)
})
