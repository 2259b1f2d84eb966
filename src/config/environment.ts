import { readFileSync } from 'node:fs'
import { errorText } from '../lib/error-text.ts'
import { nearest } from '../lib/nearest.ts'
import { VARIABLE_NAMES, type VariableName } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What is set, before anything is read into it. */
export interface Settings {
  readonly texts: Partial<Record<VariableName, string>>
  /** The service that a value came from, where it was not the environment. */
  readonly services: Partial<Record<VariableName, string>>
}

/**
 * Every CFMR_ variable that has a value: from the environment, else from the `credentials` of user-provided services in
 * VCAP_SERVICES, or in the file that VCAP_SERVICES_FILE_PATH names. What is set and not known goes to `mistakes`: its name and what it may have been meant to be, never its value.
 */
export function readSettings(env: Environment, mistakes: string[]): Settings {
  const texts: Settings['texts'] = {}
  const services: Settings['services'] = {}
  for (const [name, value = ''] of Object.entries(env)) {
    if (isKnown(name)) {
      if (value.trim() !== '') texts[name] = value
    } else if (isMeantForUs(name)) {
      mistakes.push(unknown(name))
    }
  }
  for (const { service, name, value } of credentials(servicesIn(env, mistakes), mistakes)) {
    if (!isKnown(name)) {
      mistakes.push(unknown(name, service))
    } else if (texts[name] === undefined) {
      texts[name] = value
      services[name] = service
    } else if (services[name] !== undefined && texts[name] !== value) {
      mistakes.push(
        `${name}: found different values in the services ${quoted(services[name])} and ${quoted(service)}, expected one, or the same`,
      )
    }
  }
  return { texts, services }
}

/** Where the platform hands bindings over as a file, the environment has its path alone. */
function servicesIn(env: Environment, mistakes: string[]): string | undefined {
  const path = env['VCAP_SERVICES_FILE_PATH']?.trim() ?? ''
  const json = env['VCAP_SERVICES']
  if (path === '' || (json !== undefined && json.trim() !== '')) return json
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    mistakes.push(`VCAP_SERVICES_FILE_PATH: found ${quoted(path)}, which cannot be read (${errorText(error)}), expected the path of a file`)
    return undefined
  }
}

function isKnown(name: string): name is VariableName {
  return (VARIABLE_NAMES as readonly string[]).includes(name)
}

const SUFFIXES: ReadonlySet<string> = new Set(VARIABLE_NAMES.map((name) => name.slice('CFMR'.length)))

/** Ours by its prefix, or by the rest of its name behind a slip in the prefix (`CMFR_KAFKA_TOPICS`). */
function isMeantForUs(name: string): boolean {
  if (/^cfmr_/i.test(name)) return true
  const prefix = name.slice(0, name.indexOf('_'))
  return /^(CFM|CFR|CMR|FMR|CMFR|CFRM|FCMR)$/.test(prefix) && SUFFIXES.has(name.slice(prefix.length))
}

function unknown(name: string, service?: string): string {
  return `${name.replace(/[^!-~]/g, '?')}${origin(service)}: found a variable that does not exist (its value is not shown), expected one that -h lists; did you mean ${nearest(name, VARIABLE_NAMES)}?`
}

export function origin(service: string | undefined): string {
  return service === undefined ? '' : ` (of the service ${quoted(service)} in VCAP_SERVICES)`
}

const quoted = (text: string) => JSON.stringify(text)

interface Credential {
  readonly service: string
  readonly name: string
  readonly value: string
}

function credentials(json: string | undefined, mistakes: string[]): Credential[] {
  if (json === undefined || json.trim() === '') return []
  const found: Credential[] = []
  for (const instance of instances(json, mistakes)) {
    const service = String(instance['name'] ?? instance['instance_name'] ?? 'without a name')
    for (const [name, value] of Object.entries(isObject(instance['credentials']) ? instance['credentials'] : {})) {
      if (!/^cfmr_/i.test(name)) continue
      const text = credentialText(value)
      if (text === undefined)
        mistakes.push(`${name}${origin(service)}: found an object (not shown), expected text, a number, true or false, or a list of them`)
      else if (text.trim() !== '') found.push({ service, name, value: text })
    }
  }
  return found
}

function instances(json: string, mistakes: string[]): Record<string, unknown>[] {
  try {
    const services: unknown = JSON.parse(json)
    const userProvided = isObject(services) ? (services['user-provided'] ?? []) : undefined
    if (Array.isArray(userProvided)) return userProvided.filter(isObject)
  } catch {
    // Not JSON: its error would quote a piece of it.
  }
  mistakes.push('VCAP_SERVICES: found something else (not shown), expected a JSON object of lists of services, as Cloud Foundry sets it')
  return []
}

/** Service credentials are JSON: a number, true or a list there means what its text means in the environment. */
function credentialText(value: unknown): string | undefined {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value))
    return value.every((entry) => typeof entry === 'string' || typeof entry === 'number') ? value.join(',') : undefined
  return typeof value === 'object' ? undefined : String(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
