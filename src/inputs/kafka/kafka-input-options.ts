import type { KafkaConfig } from 'kafkajs'
import type { Logger } from 'pino'
import type { Ledger } from '../../flow/ledger.ts'

export interface KafkaInputOptions {
  /** What a client needs to reach Kafka, as `kafkaConfig` makes it; `retry` is ours. */
  readonly kafka: KafkaConfig
  readonly groupId: string
  /** Names, or regular expressions between slashes. */
  readonly topics: readonly string[]
  readonly topicRefreshMs: number
  readonly deadLetterTopic?: string | undefined
  readonly offsetNewest: boolean
  /** How long a rebalance waits for what is in flight. */
  readonly processingTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** How long Kafka may be unreachable. */
  readonly giveUpMs: number
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly ledger: Ledger
  readonly log: Logger
  /** Called when a drain begins, and where reading has paused at a limit: whoever collects must not wait for more. */
  readonly flushNow: () => void
  /** Bytes that outputs keep of messages in flight, beside the messages: they count with those. */
  readonly keptBytes?: () => number
}
