/**
 * Random senders and receivers on one channel: messages come out in order, whole, and once; nobody waits who could go
 * on; nobody polls in vain; and in the end no memory is booked.
 */
import t from 'tap'
import { failure, type Random, random, seeds } from '../../random.ts'
import { World } from './channel-model/world.ts'

/** Small ones mostly; some fill a slot, or more than one. */
const anyLength = ({ int, pick }: Random): number =>
  pick([1 + int(8), 1 + int(8), 1 + int(200), 1 + int(9000), 32_768, 30_000 + int(80_000)])

const contents = (random: Random, count: number): Buffer[] =>
  Array.from({ length: count }, () => {
    const length = anyLength(random)
    // Long ones repeat a pattern of their own.
    return length < 300 ? random.bytes(length) : Buffer.alloc(length, random.bytes(97))
  })

function step(world: World, random: Random): void {
  const { chance, int, pick } = random
  const senders = [...world.senders]
  const receivers = [...world.receivers]
  switch (int(12)) {
    case 0:
      if (senders.length > 8) return
      return chance(0.7)
        ? world.openSend(false, chance(0.7), contents(random, 1))
        : world.openSend(true, false, contents(random, 1 + int(4)))
    case 1:
      if (receivers.length < 6) world.openReceive(chance(0.5))
      return
    case 2:
    case 3:
    case 4:
      if (senders.length > 0) pick(senders).write(anyLength(random), chance(0.8))
      return
    case 5:
    case 6: {
      const receiver = receivers.length > 0 ? pick(receivers) : undefined
      receiver?.read(anyLength(random))
      if (chance(0.1)) receiver?.unread()
      return
    }
    case 7:
    case 8:
      if (receivers.length > 0) pick(receivers).readBlocking(anyLength(random))
      return
    case 9:
      if (senders.length > 0) pick([() => pick(senders).close(), () => pick(senders).interrupt()])()
      return
    case 10:
      if (receivers.length > 0) pick([() => pick(receivers).close(), () => pick(receivers).interrupt()])()
      return
    default:
      return seldom(world, random)
  }
}

function seldom(world: World, { int, pick }: Random): void {
  const senders = [...world.senders]
  const receivers = [...world.receivers]
  const choice = int(100)
  if (choice < 15) world.hog()
  else if (choice < 50) [...senders, ...receivers][int(senders.length + receivers.length)]?.poll()
  else if (choice < 70 && senders.length > 0) pick(senders).kill()
  else if (receivers.length > 0) pick(receivers).kill()
}

t.test('random users', async (t) => {
  let sent = 0
  for (const seed of seeds(400)) {
    const chosen = random(seed)
    const world = new World(chosen.pick([0, 0, 1, 2, 5]), chosen.pick([1500, 40_000, 1 << 24]))
    const [closeAt, scrubAt] = [chosen.int(600), chosen.int(1500)]
    try {
      for (let n = 0; n < 300; n++) {
        if (n === closeAt) world.close()
        else if (n === scrubAt) world.scrub()
        else step(world, chosen)
        world.checkQuiet()
      }
      sent += world.sent
      world.end()
    } catch (error) {
      t.fail(failure(seed, error))
    }
  }
  t.ok(sent > 0, `${sent} messages`)
})
