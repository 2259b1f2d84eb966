import type { Common, ValuesOf } from '../../config/ends.ts'
import { duration, expected, kind, listOf } from '../../config/kinds.ts'
import { certificates, privateKey } from '../../config/pem-kinds.ts'
import { parseEngineAddress } from './engine/address.ts'
import { type OwnerSource, parseOwnerSource } from './inventory/owner-source.ts'
import { aliases, ownerSources, patterns } from './kinds.ts'

export const DEFAULT_HOST = 'unix:///var/run/docker.sock'
export const HOST_EXPECTED = `the engine's address, such as ${DEFAULT_HOST} or tcp://docker.example.com:2376`

const engineHost = kind('address', (value): string => {
  const address = value.trim()
  if (parseEngineAddress(address, false) === undefined) throw expected(HOST_EXPECTED)
  return address
})

export const variables = {
  CFMR_DOCKER_HOST: engineHost({
    desc: "The engine: unix:// with the path of its socket, or tcp://. Podman's service speaks the same.",
    otherwise: `$DOCKER_HOST, else ${DEFAULT_HOST}`,
  }),
  CFMR_DOCKER_TLSCA: certificates({ desc: "TLS to it, and its certificate authority; without it, Node's own list." }),
  CFMR_DOCKER_TLSCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_DOCKER_TLSKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_DOCKER_TIMEOUT: duration()({ desc: 'Time for a connection, and for an answer that ends by itself.', default: '30s' }),
  CFMR_DOCKER_COLLECT: listOf('logs', 'stats', 'events')({ desc: 'What is read of containers.', default: 'logs,stats,events' }),
  CFMR_DOCKER_STATSINTERVAL: duration('1s')({ desc: 'How often usage is read.', default: '10s' }),
  CFMR_DOCKER_DISKINTERVAL: duration('0s')({
    desc: "How often the size of a container's writable layer is asked for, which costs the engine a walk through it. 0s: never.",
    default: '0s',
  }),
  CFMR_DOCKER_INCLUDE: patterns({
    desc: 'Containers to read: name=, image=, label=KEY[=VALUE], env=NAME[=VALUE], each a glob or a /regular expression/. The labels cfmr.logs and cfmr.stats (true, false) on a container win.',
    otherwise: 'all',
  }),
  CFMR_DOCKER_EXCLUDE: patterns({
    desc: 'Containers not to read, in the same words. It wins over CFMR_DOCKER_INCLUDE.',
    otherwise: 'none',
  }),
  CFMR_DOCKER_ALIASES: aliases({ desc: 'Names of apps for containers.', otherwise: 'none' }),
  CFMR_DOCKER_APP: ownerSources({
    desc: "Where an event's app comes from: a list of env:NAME, label:NAME, vcap:KEY (of VCAP_APPLICATION), name, image, id, host, slot, text:ANY; the first that gives something wins. Without it: the label cfmr.app, VCAP_APPLICATION, the service of a swarm or of compose, MARATHON_APP_ID, its name.",
    otherwise: 'what the platform calls it, else its name',
  }),
  CFMR_DOCKER_APPGUID: ownerSources({ desc: 'Likewise its GUID.', default: 'vcap:application_id' }),
  CFMR_DOCKER_SPACE: ownerSources({ desc: 'Likewise its space.', default: 'vcap:space_name' }),
  CFMR_DOCKER_SPACEGUID: ownerSources({ desc: "Likewise its space's GUID.", default: 'vcap:space_id' }),
  CFMR_DOCKER_ORG: ownerSources({
    desc: 'Likewise its organization.',
    otherwise: "VCAP_APPLICATION, swarm's stack, compose's project",
  }),
  CFMR_DOCKER_ORGGUID: ownerSources({ desc: "Likewise its organization's GUID.", default: 'vcap:organization_id' }),
  CFMR_DOCKER_INSTANCE: ownerSources({
    desc: 'Likewise which instance of it.',
    otherwise: "CF_INSTANCE_INDEX, the slot of swarm, compose's number, its name",
  }),
  CFMR_DOCKER_INVENTORYTIMEOUT: duration()({
    desc: 'How long an event waits for the inspection of its container; then it is named by what the event says.',
    default: '10s',
  }),
}

const DEFAULT_SOURCES = {
  app: sourcesOf(
    'label:cfmr.app',
    'vcap:application_name',
    'label:com.docker.swarm.service.name',
    'label:com.docker.compose.service',
    'env:MARATHON_APP_ID',
    'name',
  ),
  org: sourcesOf('vcap:organization_name', 'label:com.docker.stack.namespace', 'label:com.docker.compose.project'),
  instance: sourcesOf('env:CF_INSTANCE_INDEX', 'slot', 'label:com.docker.compose.container-number', 'name'),
}

function sourcesOf(...texts: readonly string[]): readonly OwnerSource[] {
  return texts.map(parseOwnerSource).filter((source) => source !== undefined)
}

export type DockerSettings = ReturnType<typeof settingsOf>

/** Undefined means not set. */
export function settingsOf(v: ValuesOf<typeof variables>, { trusted, stateFolder, dockerHost, documentMaxBytes, limits }: Common) {
  const hasTls = v.CFMR_DOCKER_TLSCA !== undefined || v.CFMR_DOCKER_TLSCERT !== undefined
  const host = v.CFMR_DOCKER_HOST ?? dockerHost ?? DEFAULT_HOST
  const address = parseEngineAddress(host, hasTls)
  if (address === undefined) throw new Error(`the rules let ${host} through as an engine's address`)
  return {
    address,
    tls: hasTls ? { ca: v.CFMR_DOCKER_TLSCA ?? trusted?.join('\n'), cert: v.CFMR_DOCKER_TLSCERT, key: v.CFMR_DOCKER_TLSKEY } : undefined,
    timeoutMs: v.CFMR_DOCKER_TIMEOUT,
    selection: {
      include: v.CFMR_DOCKER_INCLUDE ?? [],
      exclude: v.CFMR_DOCKER_EXCLUDE ?? [],
      collect: new Set(v.CFMR_DOCKER_COLLECT),
    },
    aliases: v.CFMR_DOCKER_ALIASES ?? new Map<string, string>(),
    sources: {
      app: v.CFMR_DOCKER_APP ?? DEFAULT_SOURCES.app,
      appGuid: v.CFMR_DOCKER_APPGUID,
      space: v.CFMR_DOCKER_SPACE,
      spaceGuid: v.CFMR_DOCKER_SPACEGUID,
      org: v.CFMR_DOCKER_ORG ?? DEFAULT_SOURCES.org,
      orgGuid: v.CFMR_DOCKER_ORGGUID,
      instance: v.CFMR_DOCKER_INSTANCE ?? DEFAULT_SOURCES.instance,
    },
    statsIntervalMs: v.CFMR_DOCKER_STATSINTERVAL,
    diskIntervalMs: v.CFMR_DOCKER_DISKINTERVAL,
    inventoryTimeoutMs: v.CFMR_DOCKER_INVENTORYTIMEOUT,
    stateFolder,
    maxLineBytes: documentMaxBytes,
    maxInFlight: limits.maxInFlight,
    maxInFlightBytes: limits.maxInFlightBytes,
  }
}
