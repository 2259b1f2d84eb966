/**
 * What a client of the gateway needs of Cloud Foundry. Rejections say in words what is wrong and may have `retryAfterMs` (not to be asked again
 * sooner) and `needsOperator`.
 */
export interface GatewayAccess {
  /** Where the gateway is, without a slash at the end. Asked before each stream. */
  url(signal: AbortSignal): Promise<string>
  /** A token that is good as far as is known, without its type. */
  token(signal: AbortSignal): Promise<string>
  /** Another one than `refused`; undefined where there can be none. All who ask at the same time get the same. */
  renew(refused: string, signal: AbortSignal): Promise<string | undefined>
  /** What must not be seen of it, in a text that may quote an answer. */
  excerpt(text: string): string
  close(): Promise<void>
}
