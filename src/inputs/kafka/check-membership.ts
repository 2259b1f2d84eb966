import { randomUUID } from 'node:crypto'
import kafkajs, { type Assigner, type Cluster, type KafkaConfig } from 'kafkajs'
import { type Finding, findingsOf } from '../../check/finding.ts'
import { explainKafkaError } from '../../kafka/problem.ts'
import { within } from '../../lib/within.ts'
import type { KafkaInputSettings } from './variables.ts'

const { failed } = findingsOf('kafka')

const ANSWER_MS = 10_000
const REBALANCE_MS = 60_000

/** Of the group as `check` has found it. */
export interface MembershipQuestion {
  readonly kafka: KafkaConfig
  readonly settings: KafkaInputSettings
  /** Whether Kafka knows the group; asking for it would make it known. */
  readonly isKnown: boolean
}

/**
 * Whether the group would take a member: asked as a member asks that has no id yet, whom Kafka tells its id after it has looked at session
 * time-out, protocol and size, and before anybody else of the group notices. The id is given back. Undefined where all is well.
 * Of a group that is not there yet another name asks, and is taken back: it can fail at the session time-out alone.
 */
export async function membershipFinding({ kafka, settings, isKnown }: MembershipQuestion): Promise<Finding | undefined> {
  const { consumerGroup, sessionTimeoutMs } = settings
  const groupId = isKnown ? consumerGroup : `${consumerGroup}-check-${randomUUID()}`
  let cluster: Cluster | undefined
  const consumer = new kafkajs.Kafka(kafka).consumer({
    groupId,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster
        return kafkajs.PartitionAssigners.roundRobin(config)
      },
    ],
  })
  try {
    await within(consumer.connect(), ANSWER_MS)
    if (cluster === undefined) throw new Error('kafkajs has made no connection')
    const coordinator = (await cluster.findGroupCoordinator({ groupId })) as unknown as Coordinator
    await askForId(coordinator, kafkajs.PartitionAssigners.roundRobin({ cluster } as never), groupId, sessionTimeoutMs)
    return undefined
  } catch (error) {
    const { message, kind } = explainKafkaError(error)
    // An account may have rights on its group alone.
    if (!isKnown && kind !== 'group') return undefined
    return failed('member', `group ${consumerGroup} takes no further member: ${message}`, { group: consumerGroup, cause: kind })
  } finally {
    await within(consumer.disconnect(), 2000).catch(() => {})
    if (!isKnown) await forget(kafka, groupId)
  }
}

async function forget(kafka: KafkaConfig, groupId: string): Promise<void> {
  const admin = new kafkajs.Kafka({ ...kafka, retry: { retries: 0 } }).admin()
  await within(
    admin.connect().then(() => admin.deleteGroups([groupId])),
    2000,
  ).catch(() => {})
  await within(admin.disconnect(), 2000).catch(() => {})
}

/** kafkajs's broker, with what its types leave out. */
interface Coordinator {
  joinGroup(member: {
    readonly groupId: string
    readonly sessionTimeout: number
    readonly rebalanceTimeout: number
    readonly memberId: string
    readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
  }): Promise<{ readonly memberId: string }>
  leaveGroup(member: { readonly groupId: string; readonly memberId: string }): Promise<unknown>
}

async function askForId(coordinator: Coordinator, assigner: Assigner, groupId: string, sessionTimeout: number): Promise<void> {
  const { name, metadata } = assigner.protocol({ topics: [] })
  const asking = coordinator.joinGroup({
    groupId,
    sessionTimeout,
    rebalanceTimeout: REBALANCE_MS,
    memberId: '',
    groupProtocols: [{ name, metadata }],
  })
  try {
    const joined = await asking
    // Before Kafka 2.2 it is a member at once.
    await coordinator.leaveGroup({ groupId, memberId: joined.memberId })
  } catch (error) {
    const { type, memberId } = error as { readonly type?: string; readonly memberId?: string }
    if (type !== 'MEMBER_ID_REQUIRED' && (error as Error).name !== 'KafkaJSMemberIdRequired') throw error
    if (memberId !== undefined) await coordinator.leaveGroup({ groupId, memberId }).catch(() => {})
  }
}
