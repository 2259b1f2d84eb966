import type { Credentials } from './sigv4.ts'

export interface CredentialSource {
  /** Rejects where there are none. */
  get(): Promise<Credentials>
  /** What was given out last is not taken any more. */
  forget(): void
}

/** Those that are configured. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return { get: () => Promise.resolve(credentials), forget: () => {} }
}

/**
 * The usual chain: AWS_ACCESS_KEY_ID and its sisters, the shared files, web identity, the endpoints of a container and of a
 * machine. What ends is renewed before it does. Loaded only where it is asked for.
 */
export function chainedCredentials(): CredentialSource {
  let provider: Promise<() => Promise<Credentials>> | undefined
  return {
    get: async () => {
      provider ??= chain()
      return (await provider)()
    },
    forget: () => {
      provider = undefined
    },
  }
}

async function chain(): Promise<() => Promise<Credentials>> {
  // It would be printed between the lines of the log.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider()
}
