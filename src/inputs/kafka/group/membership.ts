import type { EachBatchPayload } from 'kafkajs'
import kafkajs from 'kafkajs'
import type { Logger } from 'pino'
import type { Ledger } from '../../../flow/ledger.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { within } from '../../../lib/within.ts'
import { Assignment, type Partitions } from '../../offsets/assignment.ts'
import type { Bell } from '../../offsets/bell.ts'
import type { ReadAhead } from '../read-ahead.ts'
import type { CommitOutcome, Committer } from './committer.ts'
import { type GroupLife, type GroupMembership, holdJoin } from './group-life.ts'

const { KafkaJSProtocolError } = kafkajs

export interface MembershipOptions {
  readonly life: () => Pick<GroupLife, 'heartbeat'>
  readonly committer: Pick<Committer, 'commit' | 'isBusy' | 'membership'>
  readonly readAhead: ReadAhead
  readonly ledger: Ledger
  readonly log: Logger
  /** Rings when something was settled, or changed here. */
  readonly bell: Bell
  readonly processingTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly flushNow: () => void
  readonly assigned: (assignment: Assignment, isLeader: boolean) => void
}

/** Of a drain, between one look and the next. */
const PAUSE_MS = 200

/**
 * What this member has of the group, in one life: joining, then joined, then draining before it joins again.
 *
 * kafkajs tells nobody before it joins again, and by joining it gives up the right to commit. So its question before each join
 * (`beforeJoin`) is answered with "not yet" until all that is in flight is written and stored, or the time for it is over.
 */
export class Membership {
  readonly #options: MembershipOptions
  #state: 'joining' | 'joined' | 'draining' = 'joining'
  #assignment: Assignment
  #isDrained = false
  #drainUntilMs = 0
  #draining = Promise.resolve()
  /** kafkajs went on after a join that failed, with what it had before. */
  #joinedNothing = false
  /** As of `steadyNowMs()`: when Kafka last said that this is a member; at first, when it began. */
  confirmedMs = steadyNowMs()
  hasJoined = false
  /** It is about to leave: it joins no more. */
  isLeaving = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#assignment = new Assignment({}, options.ledger, options.bell)
  }

  get assignment(): Assignment {
    return this.#assignment
  }

  get isJoined(): boolean {
    return this.#state === 'joined'
  }

  /** Whether this assignment may still be read. */
  isReading(assignment: Assignment): boolean {
    return this.#state === 'joined' && !this.isLeaving && assignment.isOpen
  }

  /**
   * Kafka may have been silent for so long that the group goes on without this member, and what it reads is somebody else's by
   * now. Then it is asked. Where it does not answer, the coordinator may be another one, which kafkajs looks for only to join.
   */
  async isSure(heartbeat: () => Promise<void>): Promise<boolean> {
    const isDoubtful = () => steadyNowMs() - this.confirmedMs > this.#options.sessionTimeoutMs / 2
    if (!isDoubtful()) return true
    try {
      await heartbeat()
    } catch (error) {
      throw (error as { readonly type?: string }).type === 'UNKNOWN_MEMBER_ID' ? error : joinAgain()
    }
    return !isDoubtful()
  }

  beforeJoin(): void {
    if (this.#state === 'joined') void this.drain(steadyNowMs() + this.#options.processingTimeoutMs)
    if (this.isLeaving) throw holdJoin('leaving the group')
    if (this.#state === 'draining' && !this.#isDrained && steadyNowMs() < this.#drainUntilMs)
      throw holdJoin('draining before the next join')
    this.#state = 'joining'
    this.#joinedNothing = false
    this.endAssignment()
  }

  joined(partitions: Partitions, isLeader: boolean): void {
    // Two joins can be under way at once. Whatever was read between their answers is read again from the second one's positions.
    this.endAssignment()
    this.confirmedMs = steadyNowMs()
    this.hasJoined = true
    this.#state = 'joined'
    this.#assignment = new Assignment(partitions, this.#options.ledger, this.#options.bell)
    this.#options.log.info({ partitions, isLeader }, 'joined the group')
    this.#options.assigned(this.#assignment, isLeader)
  }

  confirmed(membership: GroupMembership): void {
    if (membership.isHeartbeat) {
      this.confirmedMs = steadyNowMs()
      if (this.#state === 'joining') this.#joinedNothing = true
    }
    if (this.#state !== 'joining') this.#options.committer.membership = membership
  }

  /** Nothing waits to be taken. At a limit nothing more comes until something is settled: whoever collects must not wait for more. */
  ranDry(): void {
    const { readAhead, flushNow } = this.#options
    if (readAhead.isAtLimit(this.#assignment)) flushNow()
  }

  /** Ends what it has, without waiting. Returns how many messages of it will be read again. */
  endAssignment(): number {
    const { readAhead, committer, log, bell } = this.#options
    const { repeats } = this.#assignment
    const wasOpen = this.#assignment.isOpen
    const abandoned = wasOpen ? this.#assignment.end() : 0
    if (abandoned > 0) log.warn({ abandoned, repeats }, 'gave up waiting for messages in flight; they are read again, nothing is lost')
    else if (wasOpen && repeats > 0)
      log.warn({ repeats }, 'what was written last could not be committed; it is read again, nothing is lost')
    readAhead.clear()
    committer.membership = undefined
    bell.ring()
    return repeats
  }

  /** Stops reading and waits until all that is in flight is settled and stored, until `untilMs` at most, or the earliest ever asked for. */
  drain(untilMs: number): Promise<void> {
    if (this.#state === 'draining') {
      this.#drainUntilMs = Math.min(this.#drainUntilMs, untilMs)
      return this.#draining
    }
    if (this.#state !== 'joined') return Promise.resolve()
    this.#state = 'draining'
    this.#isDrained = false
    this.#drainUntilMs = untilMs
    this.#options.readAhead.clear()
    this.#options.bell.ring()
    this.#options.log.debug({ inFlight: this.#assignment.inFlight }, 'draining')
    this.#draining = this.#drain(this.#assignment)
    return this.#draining
  }

  async #drain(assignment: Assignment): Promise<void> {
    const { committer, bell, life, flushNow } = this.#options
    const timeLeft = () => (assignment.isOpen ? this.#drainUntilMs - steadyNowMs() : 0)
    let storing: Promise<CommitOutcome> | undefined
    while (timeLeft() > 0) {
      if (assignment.inFlight === 0) {
        storing ??= committer.commit(assignment)
        // Bit by bit, since an earlier end may be asked for, and the assignment may end.
        const outcome = await within(storing, Math.min(PAUSE_MS, timeLeft()))
        if (outcome === 'stored' || outcome === 'fenced') {
          if (assignment.isOpen) this.#isDrained = true
          return
        }
        if (outcome === 'failed') storing = undefined
      } else {
        // Again: what was handed over last may have been collected since.
        flushNow()
        if (!committer.isBusy) void committer.commit(assignment)
      }
      void life().heartbeat()
      if (storing === undefined) await bell.wait(Math.min(PAUSE_MS, timeLeft()))
    }
  }

  /** Called where a batch comes and nothing may be read: keeps the member alive while it drains, and makes it join where it must. */
  async refuse({ heartbeat }: Pick<EachBatchPayload, 'heartbeat'>): Promise<void> {
    if (this.#state === 'joining' && this.#joinedNothing) throw joinAgain()
    const { bell } = this.#options
    const assignment = this.#assignment
    if (this.#state !== 'draining') await sleep(50)
    while (this.#state === 'draining' && assignment.isOpen) {
      await bell.wait(500)
      await heartbeat()
    }
  }
}

/** To be thrown where a batch is handled: the one way to make kafkajs join. */
function joinAgain(): Error {
  const type = 'REBALANCE_IN_PROGRESS'
  return new KafkaJSProtocolError({ name: 'KafkaJSProtocolError', message: 'join again', type, code: 27, retriable: true } as Error)
}
