/** Kafka's name for what a broker answered, such as `MESSAGE_TOO_LARGE`, of a kafkajs error or of its cause; undefined where none answered. */
export function kafkaErrorType(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('type' in error && typeof error.type === 'string') return error.type
  return kafkaErrorType(error.cause)
}
