import kafkajs, { type Assigner, type Cluster, type GroupMember, type GroupMemberAssignment } from 'kafkajs'

const { AssignerProtocol } = kafkajs

/** What the leader of a group knows of a cluster's partitions. */
export type AssignerCluster = Pick<Cluster, 'addMultipleTargetTopics' | 'findTopicPartitionMetadata'>

/**
 * Gives each partition to a member that subscribes to its topic, so that members may have different topics for a while. Those
 * that few can take are given first, each to whoever has the fewest by then: with equal topics that is kafkajs's round robin,
 * whose name and format it keeps, for the sake of members that are older.
 */
export function subscribedAssigner(cluster: AssignerCluster): Assigner {
  const name = 'RoundRobinAssigner'
  const version = 0
  return {
    name,
    version,
    async assign({ members }) {
      const subscribed = subscribersOf(members)
      // kafkajs has asked for the topics of this member alone.
      await cluster.addMultipleTargetTopics([...subscribed.keys()])
      const partitions = (topic: string) => cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      return assignments(members, assignPartitions(subscribed, partitions))
    },
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }),
  }
}

/** Topics to the members that subscribe to them. */
type Subscribed = ReadonlyMap<string, readonly string[]>
/** Members to topics to partitions. */
type Assigned = ReadonlyMap<string, Readonly<Record<string, readonly number[]>>>

/** Deterministic: whichever member leads, the same group gets the same. */
export function assignPartitions(subscribed: Subscribed, partitionsOf: (topic: string) => readonly number[]): Assigned {
  const assigned = new Map<string, Record<string, number[]>>()
  const counts = new Map<string, number>()
  const byScarcity = [...subscribed].sort(([a, ofA], [b, ofB]) => ofA.length - ofB.length || (a < b ? -1 : 1))
  for (const [topic, members] of byScarcity) {
    const sorted = [...members].sort()
    for (const partition of [...partitionsOf(topic)].sort((a, b) => a - b)) {
      const member = sorted.reduce((least, other) => ((counts.get(other) ?? 0) < (counts.get(least) ?? 0) ? other : least))
      counts.set(member, (counts.get(member) ?? 0) + 1)
      const topics = assigned.get(member) ?? {}
      assigned.set(member, topics)
      const own = topics[topic] ?? []
      topics[topic] = own
      own.push(partition)
    }
  }
  return assigned
}

function subscribersOf(members: readonly GroupMember[]): Map<string, string[]> {
  const subscribed = new Map<string, string[]>()
  for (const { memberId, memberMetadata } of members) {
    for (const topic of AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []) {
      subscribed.set(topic, [...(subscribed.get(topic) ?? []), memberId])
    }
  }
  return subscribed
}

/** A member that gets nothing is told so. */
function assignments(members: readonly GroupMember[], assigned: Assigned): GroupMemberAssignment[] {
  return members.map(({ memberId }) => {
    const assignment = Object.fromEntries(Object.entries(assigned.get(memberId) ?? {}).map(([topic, list]) => [topic, [...list]]))
    return {
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }),
    }
  })
}
