import type { Assignment } from '../../offsets/assignment.ts'
import type { OffsetTracker } from '../../offsets/offset-tracker.ts'
import { keyOf, type TopicPartition } from './partition-bounds.ts'

/**
 * Of the topics that this process has read, the ids that they had when the group committed what it has committed of them: a topic
 * that is made anew has the same name, and what was committed of the old one means nothing in it.
 */
export class ReadTopics {
  /** By partition; by topic for those that this process has not had. */
  readonly #ids = new Map<string, string>()
  #latest: Assignment | undefined

  /** The partitions are given anew. Some of them may have been begun anew since, which counts once something was committed of them. */
  assigned(assignment: Assignment): void {
    for (const tracker of this.#latest?.trackers ?? []) {
      if (tracker.topicId === undefined || tracker.committed === undefined) continue
      this.#ids.set(keyOf(tracker), tracker.topicId)
      this.#ids.set(tracker.topic, tracker.topicId)
    }
    this.#latest = assignment
  }

  /** Whether a topic of this id is another than the one of that name that was read before. */
  isAnew(partition: TopicPartition, topicId: string | undefined): boolean {
    const known = this.#ids.get(keyOf(partition)) ?? this.#ids.get(partition.topic)
    return known !== undefined && topicId !== undefined && known !== topicId
  }

  /** Nothing is committed any more of another topic of that name. */
  begun(tracker: OffsetTracker): void {
    const { topic, topicId } = tracker
    if (topicId === undefined) return
    this.#ids.set(keyOf(tracker), topicId)
    if (!this.#ids.has(topic)) this.#ids.set(topic, topicId)
  }
}
