import kafkajs, { type Assigner, type Cluster, type Consumer, type EachBatchPayload, type KafkaConfig } from 'kafkajs'
import { registerCodecs } from '../../../kafka/codecs.ts'
import { toError } from '../../../lib/errors.ts'
import { sleep } from '../../../lib/sleep.ts'
import { steadyNowMs } from '../../../lib/steady-clock.ts'
import { within } from '../../../lib/within.ts'
import type { Partitions } from '../../offsets/assignment.ts'
import { commitNothingNegative, whenOutOfRange } from '../negative-commits.ts'
import { handOverRefusals, Refusal } from '../refused-fetches.ts'
import { keepRecordBatchesWhole } from '../whole-batches.ts'
import { subscribedAssigner } from './assigner.ts'
import { FetchFence } from './fetch-fence.ts'

const { Kafka } = kafkajs

export interface GroupLifeOptions {
  readonly kafka: KafkaConfig
  readonly groupId: string
  readonly sessionTimeoutMs: number
  /** How long the group waits for members to join again, this one included. */
  readonly rebalanceTimeoutMs: number
  readonly metadataMaxAgeMs: number
  /** Of one fetch response of one broker; a larger first message still comes whole. */
  readonly maxFetchBytes: number
  /** Called before every request to join, whatever caused it. What it throws with {@link holdJoin} makes kafkajs ask again in 0.1 to 1 s. */
  readonly beforeJoin: () => void
  readonly joined: (partitions: Partitions, isLeader: boolean) => void
  /** Kafka has confirmed that this is a member of this generation. */
  readonly confirmed: (membership: GroupMembership) => void
  readonly batch: (batch: EachBatchPayload) => Promise<void>
  /** A partition went on from `first` to `next` without a message. */
  readonly skipped: (topic: string, partition: number, first: number, next: number) => void
  /** A position is not in its partition, or no longer. */
  readonly outOfRange: () => void
  /** Kafka does not let this partition be read. It is asked for again and again, unless it is paused. */
  readonly refused: (topic: string, partition: number, error: Refusal['error']) => void
}

/** kafkajs's `Cluster`, with what its types leave out: what kafkajs takes for committed, and asks Kafka for where it is missing. */
interface KafkajsCluster extends Cluster {
  committedOffsets(group: { readonly groupId: string }): Record<string, Record<number, string>>
}

/** What Kafka fences commits by. */
export interface GroupMembership {
  readonly generation: number
  readonly memberId: string
  /** Whether this came by a heartbeat of its own. */
  readonly isHeartbeat: boolean
}

/**
 * One kafkajs consumer, from its connection to its end. A consumer that crashed is never started again (its own restart may
 * come back after a stop): the next life is a new one.
 */
export class GroupLife {
  readonly #options: GroupLifeOptions
  readonly #consumer: Consumer
  readonly #fence = new FetchFence()
  readonly #stopListening: () => void
  readonly #ended: Promise<Error | undefined>
  #resolveEnded: (reason: Error | undefined) => void = () => {}
  #cluster: KafkajsCluster | undefined
  #latestBatch: EachBatchPayload | undefined
  #isOver = false
  /** When Kafka last answered a fetch, as of `steadyNowMs()`. */
  fetchedMs = 0
  /** Whether a request to join the group is under way: leaving now would leave a ghost behind. */
  isJoining = false

  constructor(options: GroupLifeOptions) {
    this.#options = options
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    registerCodecs()
    keepRecordBatchesWhole()
    commitNothingNegative()
    this.#stopListening = whenOutOfRange(options.groupId, () => this.#isOver || options.outOfRange())
    handOverRefusals()
    const kafka = new Kafka({ ...options.kafka, retry: { initialRetryTime: 200, maxRetryTime: 2000, multiplier: 1.5, retries: 1000 } })
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      partitionAssigners: [(config) => this.#gatedAssigner(config)],
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      heartbeatInterval: Math.min(1000, Math.floor(options.sessionTimeoutMs / 3)),
      maxWaitTimeInMs: 300,
      minBytes: 1,
      maxBytes: options.maxFetchBytes,
      maxBytesPerPartition: Math.min(options.maxFetchBytes, 1.5 * 1024 * 1024),
      metadataMaxAge: options.metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, multiplier: 1.5, retries: 1000, restartOnFailure: async () => false },
    })
    this.#listen()
  }

  get cluster(): Cluster | undefined {
    return this.#cluster
  }

  /** Reads `topics` until it is ended. Rejects with what it died of, resolves where `end` was called without a reason. */
  async run(topics: readonly string[]): Promise<void> {
    const start = async () => {
      await this.#consumer.connect()
      if (this.#isOver) return
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
      if (this.#isOver) return
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 64,
        eachBatch: (batch) => this.#eachBatch(batch),
      })
    }
    start().catch((error) => this.end(toError(error)))
    const reason = await this.#ended
    if (reason !== undefined) throw reason
  }

  /** Nothing of it counts from here on, and it joins no more. */
  end(reason?: Error): void {
    this.#isOver = true
    this.#stopListening()
    this.#resolveEnded(reason)
  }

  /** Leaves the group and closes the connections, as far as that is possible until `deadlineMs`. */
  async leave(deadlineMs: number): Promise<void> {
    while (this.isJoining && steadyNowMs() < deadlineMs - 500) await sleep(50)
    this.end()
    await within(
      this.#consumer.disconnect().catch(() => {}),
      deadlineMs - steadyNowMs(),
    )
  }

  /** Without it a member that reads nothing for a while would be thought dead. Tells nobody what comes of it: kafkajs notices by itself. */
  async heartbeat(): Promise<void> {
    await this.#latestBatch?.heartbeat().catch(() => {})
  }

  /** kafkajs's own commit, with the generation of its latest join. Undefined where it never handed over a batch. */
  get commitOffsets(): EachBatchPayload['commitOffsetsIfNecessary'] | undefined {
    return this.#latestBatch?.commitOffsetsIfNecessary
  }

  /** Partitions one by one: kafkajs resumes a topic that was paused as a whole when one of its partitions is paused. */
  pause(partitions: Partitions): void {
    const paused = Object.entries(partitions).map(([topic, numbers]) => ({ topic, partitions: [...numbers] }))
    this.#whileItRuns(() => this.#consumer.pause(paused))
  }

  resume(topic: string, partition: number): void {
    this.#whileItRuns(() => this.#consumer.resume([{ topic, partitions: [partition] }]))
  }

  seek(topic: string, partition: number, offset: number): void {
    this.#whileItRuns(() => this.#consumer.seek({ topic, partition, offset: String(offset) }))
    this.#tellCommitted(topic, [partition], offset)
  }

  /**
   * kafkajs asks where partitions begin that it knows no committed offset of, all of them before each fetch, and fetches nothing
   * while one of them has no leader. It is told by `seek`, so it needs to know nothing.
   */
  #tellCommitted(topic: string, partitions: readonly number[], offset: number): void {
    const { groupId } = this.#options
    const known = this.#cluster?.committedOffsets({ groupId })[topic]
    if (known !== undefined) for (const partition of partitions) known[partition] = String(offset)
  }

  /** kafkajs throws synchronously while it stops; then none of this matters any more. */
  #whileItRuns(call: () => void): void {
    try {
      call()
    } catch (error) {
      if (!this.#isOver) this.end(toError(error))
    }
  }

  #gatedAssigner({ cluster }: { readonly cluster: Cluster }): Assigner {
    this.#cluster = cluster as KafkajsCluster
    const assigner = subscribedAssigner(cluster)
    return {
      ...assigner,
      protocol: (subscription) => {
        this.isJoining = false
        if (this.#isOver) throw Object.assign(new Error('this member has left the group'), { retriable: false })
        this.#options.beforeJoin()
        this.isJoining = true
        this.#fence.raise()
        return assigner.protocol(subscription)
      },
    }
  }

  async #eachBatch(batch: EachBatchPayload): Promise<void> {
    this.#latestBatch = batch
    if (this.#isOver) return
    // Not resolved: it is read again, by whoever owns the partition now.
    if (this.#fence.isStale(steadyNowMs())) return void (await sleep(50))
    const { topic, partition, messages } = batch.batch
    const first: unknown = messages[0]
    if (first instanceof Refusal) return this.#options.refused(topic, partition, first.error)
    await this.#options.batch(batch)
  }

  #listen(): void {
    const { events } = this.#consumer
    const { joined, confirmed, skipped } = this.#options
    const current =
      <Event>(listener: (event: Event) => void) =>
      (event: Event) => {
        if (!this.#isOver) listener(event)
      }
    this.#consumer.on(
      events.GROUP_JOIN,
      current(({ payload }) => {
        this.isJoining = false
        this.#fence.raise()
        // Paused until it is known where they begin.
        for (const [topic, partitions] of Object.entries(payload.memberAssignment)) this.#tellCommitted(topic, partitions, 0)
        joined(payload.memberAssignment, payload.isLeader)
      }),
    )
    this.#consumer.on(
      events.HEARTBEAT,
      current(({ payload }) => {
        this.isJoining = false
        confirmed({ generation: payload.groupGenerationId, memberId: payload.memberId, isHeartbeat: true })
      }),
    )
    this.#consumer.on(
      events.COMMIT_OFFSETS,
      current(({ payload }) => confirmed({ generation: payload.groupGenerationId, memberId: payload.memberId, isHeartbeat: false })),
    )
    this.#consumer.on(
      events.END_BATCH_PROCESS,
      current(({ payload }) => {
        const { topic, partition, batchSize, firstOffset, lastOffset } = payload
        if (batchSize === 0) skipped(topic, partition, Number(firstOffset ?? lastOffset), Number(lastOffset) + 1)
      }),
    )
    this.#consumer.on(
      events.FETCH_START,
      current(({ payload }) => this.#fence.started(payload.nodeId)),
    )
    this.#consumer.on(
      events.FETCH,
      current(({ payload }) => {
        this.fetchedMs = steadyNowMs()
        this.#fence.ended(payload.nodeId, this.fetchedMs)
      }),
    )
    this.#consumer.on(
      events.CRASH,
      current(({ payload }) => this.end(payload.error)),
    )
  }
}

/** To be thrown before a join: kafkajs takes it for a rebalance that goes on, and asks again a little later. */
export function holdJoin(why: string): Error {
  return Object.assign(new Error(why), { type: 'REBALANCE_IN_PROGRESS' })
}
