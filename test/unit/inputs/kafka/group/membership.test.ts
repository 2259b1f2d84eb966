import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ledger } from '../../../../../src/flow/ledger.ts'
import type { CommitOutcome } from '../../../../../src/inputs/kafka/group/committer.ts'
import type { GroupMembership } from '../../../../../src/inputs/kafka/group/group-life.ts'
import { Membership } from '../../../../../src/inputs/kafka/group/membership.ts'
import { ReadAhead } from '../../../../../src/inputs/kafka/read-ahead.ts'
import type { Assignment } from '../../../../../src/inputs/offsets/assignment.ts'
import { Bell } from '../../../../../src/inputs/offsets/bell.ts'
import { steadyNowMs } from '../../../../../src/lib/steady-clock.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

const PROCESSING_MS = 30_000
const SESSION_MS = 20_000

/** A member whose commits, heartbeats and joins the test makes and answers. */
function setUp() {
  const logged: Record<string, unknown>[] = []
  const bell = new Bell()
  const ledger = new Ledger()
  const readAhead = new ReadAhead({ maxInFlight: 10, maxInFlightBytes: 2 ** 20, filled: new Bell(), emptied: new Bell() })
  const counts = { heartbeats: 0, flushes: 0, commits: 0 }
  const kafka = { commit: async (): Promise<CommitOutcome> => 'stored' }
  const committer = {
    membership: undefined as GroupMembership | undefined,
    isBusy: false,
    async commit(assignment: Assignment) {
      counts.commits++
      const outcome = await kafka.commit()
      if (outcome === 'stored') for (const tracker of assignment.trackers) tracker.committed = tracker.ready
      return outcome
    },
  }
  const assigned: [Assignment, boolean][] = []
  const membership = new Membership({
    life: () => ({ heartbeat: async () => void counts.heartbeats++ }),
    committer,
    readAhead,
    ledger,
    log: pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    bell,
    processingTimeoutMs: PROCESSING_MS,
    sessionTimeoutMs: SESSION_MS,
    flushNow: () => void counts.flushes++,
    assigned: (assignment, isLeader) => void assigned.push([assignment, isLeader]),
  })
  const join = () => {
    membership.beforeJoin()
    membership.joined({ topic: [0] }, false)
    membership.assignment.tracker('topic', 0)?.begin(0, 0)
  }
  const wait = (count: number) => {
    const { assignment } = membership
    const tracker = assignment.tracker('topic', 0) ?? fail()
    const from = tracker.position ?? 0
    const messages = Array.from({ length: count }, (_, index) => ({ offset: from + index, value: null }))
    readAhead.add(assignment, tracker, { messages, bytes: count, next: from + count })
  }
  /** `count` messages are fetched and handed over; the function writes them. */
  const read = (count: number) => {
    wait(count)
    const { ack } = readAhead.take() ?? fail()
    return () => ack.settle('written', 0, count)
  }
  return { membership, committer, kafka, counts, bell, ledger, readAhead, assigned, logged, join, wait, read }
}

function fail(): never {
  throw new Error('not there')
}

/** What was begun goes as far as it can without time passing. */
async function turn(): Promise<void> {
  for (let times = 0; times < 5; times++) await new Promise((resolve) => setImmediate(resolve))
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const held = { type: 'REBALANCE_IN_PROGRESS' }

let scene: ReturnType<typeof setUp>
beforeEach(() => {
  scene = setUp()
})

/** Whether kafkajs, which asks before each join, has to ask again. */
function isHeld(): boolean {
  try {
    scene.membership.beforeJoin()
    return false
  } catch (error) {
    expect(error).toMatchObject(held)
    return true
  }
}

describe('a member that has joined', () => {
  it('reads what it was given, once told which, and knows that Kafka has just answered', async () => {
    const { membership, committer, assigned, logged } = scene
    await pass(SESSION_MS)
    membership.beforeJoin()
    expect([membership.isJoined, membership.hasJoined, membership.isReading(membership.assignment)]).toEqual([false, false, false])
    membership.joined({ topic: [0, 1] }, true)
    const { assignment } = membership
    expect([membership.isJoined, membership.hasJoined, membership.isReading(assignment)]).toEqual([true, true, true])
    expect(assigned).toEqual([[assignment, true]])
    expect([assignment.partitions, membership.confirmedMs, committer.membership]).toEqual([{ topic: [0, 1] }, steadyNowMs(), undefined])
    expect(logged).toMatchObject([{ level: 30, partitions: { topic: [0, 1] }, isLeader: true }])
  })

  it('may commit only once Kafka has confirmed it, and not while it joins', () => {
    const { membership, committer, join } = scene
    const confirmation = { generation: 3, memberId: 'me', isHeartbeat: false }
    membership.beforeJoin()
    membership.confirmed(confirmation)
    expect(committer.membership).toBeUndefined()
    join()
    expect(committer.membership).toBeUndefined()
    membership.confirmed(confirmation)
    expect(committer.membership).toBe(confirmation)
  })

  it('takes a heartbeat for a sign of life, a commit not: kafkajs says both', async () => {
    const { membership, join } = scene
    join()
    const joinedMs = steadyNowMs()
    await pass(1000)
    membership.confirmed({ generation: 3, memberId: 'me', isHeartbeat: false })
    expect(membership.confirmedMs).toBe(joinedMs)
    membership.confirmed({ generation: 3, memberId: 'me', isHeartbeat: true })
    expect(membership.confirmedMs).toBe(steadyNowMs())
  })

  it('has what it collects written where it runs dry at a limit, and only there', () => {
    const { membership, counts, join, read } = scene
    join()
    read(9)
    membership.ranDry()
    expect(counts.flushes).toBe(0)
    read(1)
    membership.ranDry()
    expect(counts.flushes).toBe(1)
  })
})

describe('a join while messages are in flight', () => {
  it('is held until they are settled and stored, and let through then', async () => {
    const { membership, kafka, counts, ledger, readAhead, join, read, wait } = scene
    join()
    const { assignment } = membership
    const write = read(3)
    wait(2)
    expect(isHeld()).toBe(true)
    expect([membership.isReading(assignment), readAhead.take(), counts.flushes > 0]).toEqual([false, undefined, true])
    await pass(PROCESSING_MS / 2)
    expect([isHeld(), counts.heartbeats > 1]).toEqual([true, true])
    await turn()
    let store = (_outcome: CommitOutcome) => {}
    kafka.commit = () =>
      new Promise((resolve) => {
        store = resolve
      })
    write()
    await turn()
    expect([assignment.inFlight, isHeld()]).toEqual([0, true])
    store('stored')
    await turn()
    expect(isHeld()).toBe(false)
    expect([assignment.isOpen, ledger.abandoned, ledger.residue(0), assignment.repeats]).toEqual([false, 0, 0, 0])
  })

  it('is held no longer than the time for them; what is left is said, and read again', async () => {
    const { membership, ledger, logged, join, read } = scene
    join()
    read(2)()
    read(3)
    expect(isHeld()).toBe(true)
    await pass(PROCESSING_MS - 1)
    expect(isHeld()).toBe(true)
    await pass(1)
    expect(isHeld()).toBe(false)
    expect([ledger.abandoned, ledger.residue(membership.assignment.inFlight)]).toEqual([3, 0])
    expect(logged.filter(({ level }) => level === 40)).toMatchObject([{ abandoned: 3, repeats: 3 }])
  })

  it('is held no longer where Kafka does not answer the commit', async () => {
    const { kafka, join, read } = scene
    join()
    read(1)()
    kafka.commit = () => new Promise(() => {})
    expect(isHeld()).toBe(true)
    await pass(PROCESSING_MS - 1)
    expect(isHeld()).toBe(true)
    await pass(1)
    expect(isHeld()).toBe(false)
  })

  it('is held while a commit fails, which is tried again', async () => {
    const { kafka, counts, join, read } = scene
    join()
    read(1)()
    kafka.commit = async () => 'failed'
    expect(isHeld()).toBe(true)
    await pass(1000)
    expect([isHeld(), counts.commits > 2]).toEqual([true, true])
    kafka.commit = async () => 'stored'
    await pass(300)
    expect(isHeld()).toBe(false)
  })

  it('is held no more where the group has gone on without this member: it can store nothing', async () => {
    const { kafka, join, read } = scene
    join()
    read(1)()
    kafka.commit = async () => 'fenced'
    expect(isHeld()).toBe(true)
    await turn()
    expect(isHeld()).toBe(false)
  })

  it('has what is written stored while the rest is not, and what is collected written, again and again', async () => {
    const { membership, committer, counts, join, read } = scene
    join()
    read(2)()
    const write = read(3)
    void isHeld()
    await turn()
    expect(membership.assignment.tracker('topic', 0)?.committed).toBe(2)
    const { flushes, commits } = counts
    committer.isBusy = true
    await pass(1000)
    expect([counts.flushes > flushes, counts.commits]).toEqual([true, commits])
    write()
    await turn()
    expect(isHeld()).toBe(false)
  })

  it('is held again at the next rebalance', async () => {
    const { join, read } = scene
    join()
    read(1)()
    expect(isHeld()).toBe(true)
    await turn()
    join()
    read(1)
    expect(isHeld()).toBe(true)
    await turn()
    expect(isHeld()).toBe(true)
  })

  it('wakes whoever waits for room: nothing more may be read', async () => {
    const { bell, join } = scene
    join()
    const woken = vi.fn()
    void bell.wait(PROCESSING_MS).then(woken)
    void isHeld()
    await turn()
    expect(woken).toHaveBeenCalled()
  })

  it('keeps the member alive while Kafka does not answer the commit', async () => {
    const { kafka, counts, join, read } = scene
    join()
    read(1)()
    let store = (_outcome: CommitOutcome) => {}
    kafka.commit = () =>
      new Promise((resolve) => {
        store = resolve
      })
    void isHeld()
    await pass(1900)
    expect([counts.heartbeats > 2, counts.commits, isHeld()]).toEqual([true, 1, true])
    store('stored')
    await turn()
    expect(isHeld()).toBe(false)
  })
})

describe('a second join that is answered', () => {
  it('makes what was read since the first be read again, and counts it', () => {
    const { membership, ledger, committer, readAhead, logged, join, read, wait } = scene
    join()
    const first = membership.assignment
    const write = read(3)
    wait(2)
    membership.confirmed({ generation: 3, memberId: 'me', isHeartbeat: true })
    membership.joined({ topic: [0] }, false)
    expect([first.isOpen, membership.isReading(first), membership.isReading(membership.assignment)]).toEqual([false, false, true])
    expect([ledger.abandoned, readAhead.take(), committer.membership]).toEqual([3, undefined, undefined])
    expect(logged.filter(({ level }) => level === 40)).toMatchObject([{ abandoned: 3, repeats: 3 }])
    write()
    expect([ledger.fates.written, ledger.residue(0), membership.assignment.inFlight]).toEqual([0, 0, 0])
  })

  it('while the first one drains leaves the next join held for what it has read itself', async () => {
    const { membership, kafka, join, read } = scene
    join()
    read(1)()
    let store = (_outcome: CommitOutcome) => {}
    kafka.commit = () =>
      new Promise((resolve) => {
        store = resolve
      })
    expect(isHeld()).toBe(true)
    await turn()
    membership.joined({ topic: [0] }, false)
    membership.assignment.tracker('topic', 0)?.begin(0, 0)
    const write = read(3)
    kafka.commit = async () => 'stored'
    expect(isHeld()).toBe(true)
    store('fenced')
    await turn()
    expect([isHeld(), membership.assignment.inFlight]).toEqual([true, 3])
    write()
    await turn()
    expect(isHeld()).toBe(false)
  })
})

describe('a drain', () => {
  const drained = (draining: Promise<void>) => {
    const drain = { isOver: false }
    void draining.then(() => {
      drain.isOver = true
    })
    return drain
  }

  it('ends at once where there is nothing to drain', async () => {
    await scene.membership.drain(steadyNowMs() + 1000)
    expect(scene.counts.commits).toBe(0)
  })

  for (const [first, second] of [
    [5000, 20_000],
    [20_000, 5000],
  ] as const) {
    // biome-ignore format: a table
    it(`asked for until ${first} ms and until ${second} ms ends at the earliest of them`, async () => {
      const { membership, join, read } = scene
      join()
      read(1)
      const nowMs = steadyNowMs()
      const drains = [membership.drain(nowMs + first), membership.drain(nowMs + second)].map(drained)
      await pass(4999)
      expect(drains.map(({ isOver }) => isOver)).toEqual([false, false])
      await pass(1)
      expect(drains.map(({ isOver }) => isOver)).toEqual([true, true])
    })
  }

  it('ends at an end that is asked for while Kafka does not answer the commit', async () => {
    const { membership, kafka, join, read } = scene
    join()
    read(1)()
    kafka.commit = () => new Promise(() => {})
    const drain = drained(membership.drain(steadyNowMs() + 20_000))
    await pass(1000)
    void membership.drain(steadyNowMs() + 2000)
    await pass(2200)
    expect(drain.isOver).toBe(true)
  })

  it('ends as soon as what it had is somebody else’s', async () => {
    const { membership, kafka, join, read } = scene
    join()
    read(4)
    kafka.commit = () => new Promise(() => {})
    const drain = drained(membership.drain(steadyNowMs() + 20_000))
    await turn()
    expect([drain.isOver, membership.endAssignment()]).toEqual([false, 4])
    await turn()
    expect(drain.isOver).toBe(true)
  })
})

describe('a member that is leaving', () => {
  it('reads nothing and joins no more, neither while it drains nor afterwards', async () => {
    const { membership, join, read } = scene
    join()
    const { assignment } = membership
    const write = read(1)
    membership.isLeaving = true
    expect(membership.isReading(assignment)).toBe(false)
    expect(isHeld()).toBe(true)
    write()
    await turn()
    expect(isHeld()).toBe(true)
    await pass(2 * PROCESSING_MS)
    expect([isHeld(), assignment.isOpen]).toEqual([true, true])
  })

  it('joins no more where it has not joined yet', () => {
    scene.membership.isLeaving = true
    expect(isHeld()).toBe(true)
  })
})

describe('a silent Kafka', () => {
  it('is believed for half a session, and asked from then on', async () => {
    const { membership, join } = scene
    join()
    let asked = 0
    const heartbeat = async () => {
      asked++
      membership.confirmed({ generation: 3, memberId: 'me', isHeartbeat: true })
    }
    await pass(SESSION_MS / 2)
    expect([await membership.isSure(heartbeat), asked]).toEqual([true, 0])
    await pass(1)
    expect([await membership.isSure(heartbeat), asked]).toEqual([true, 1])
    expect([await membership.isSure(heartbeat), asked]).toEqual([true, 1])
  })

  it('is not believed where kafkajs found a heartbeat too early to send', async () => {
    const { membership, join } = scene
    join()
    await pass(SESSION_MS / 2 + 1)
    expect(await membership.isSure(async () => {})).toBe(false)
  })

  it('makes it join again where the heartbeat fails: only so does kafkajs look for another coordinator', async () => {
    const { membership, join } = scene
    join()
    await pass(SESSION_MS / 2 + 1)
    const failure = Object.assign(new Error('connection closed'), { type: 'NOT_COORDINATOR' })
    await expect(membership.isSure(() => Promise.reject(failure))).rejects.toMatchObject({ ...held, name: 'KafkaJSProtocolError' })
  })

  it('lets kafkajs see that the group has forgotten the member: it begins with a new name then', async () => {
    const { membership, join } = scene
    join()
    await pass(SESSION_MS / 2 + 1)
    const forgotten = Object.assign(new Error('unknown'), { type: 'UNKNOWN_MEMBER_ID' })
    await expect(membership.isSure(() => Promise.reject(forgotten))).rejects.toBe(forgotten)
  })
})

describe('a batch that may not be read', () => {
  it('makes the member join again where kafkajs went on after a join that failed', async () => {
    const { membership, join } = scene
    const confirm = (isHeartbeat: boolean) => membership.confirmed({ generation: 3, memberId: 'me', isHeartbeat })
    const refuse = async () => {
      const refused = membership.refuse({ heartbeat: async () => {} })
      refused.catch(() => {})
      await pass(50)
      return refused
    }
    join()
    await membership.drain(steadyNowMs() + 1000)
    expect(isHeld()).toBe(false)
    await refuse()
    confirm(false)
    await refuse()
    confirm(true)
    await expect(refuse()).rejects.toMatchObject({ ...held, name: 'KafkaJSProtocolError' })
    expect(isHeld()).toBe(false)
    await refuse()
    confirm(true)
    membership.joined({ topic: [0] }, false)
    await refuse()
  })

  it('keeps the member alive while it drains, and is given back once that is over', async () => {
    const { membership, join, read, bell } = scene
    join()
    read(1)
    void isHeld()
    let heartbeats = 0
    let isOver = false
    void membership.refuse({ heartbeat: async () => void heartbeats++ }).then(() => {
      isOver = true
    })
    await pass(2000)
    expect([heartbeats > 2, isOver]).toEqual([true, false])
    membership.endAssignment()
    bell.ring()
    await turn()
    expect(isOver).toBe(true)
  })

  it('lets kafkajs see what is wrong with a heartbeat: so it learns of a rebalance', async () => {
    const { membership, join, read } = scene
    join()
    read(1)
    void isHeld()
    const refused = expect(membership.refuse({ heartbeat: () => Promise.reject(new Error('rebalance')) })).rejects.toThrow('rebalance')
    await pass(500)
    await refused
  })

  it('is given back a little later where its partition has not begun yet, without a heartbeat', async () => {
    const { membership, join } = scene
    join()
    const heartbeat = vi.fn(async () => {})
    let isOver = false
    void membership.refuse({ heartbeat }).then(() => {
      isOver = true
    })
    await turn()
    expect(isOver).toBe(false)
    await pass(50)
    expect([isOver, heartbeat.mock.calls]).toEqual([true, []])
  })
})
