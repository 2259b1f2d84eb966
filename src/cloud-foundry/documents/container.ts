import type { ByteBuffer } from '../../lib/byte-buffer.ts'
import { formatFloat } from '../../lib/float.ts'
import type { AppContainer } from '../app.ts'
import { type AppEvent, CONTAINER_EVENT, CONTAINER_USAGE } from '../app-event.ts'

type Readings = AppEvent['readings']

/** Appends what stands within `cloudfoundry` of a container's usage, and closes that. */
export function appendInstanceUsage({ readings }: AppEvent, to: ByteBuffer): void {
  const { cpu, memory, memory_quota: quota, disk } = readings
  const usage = objectOf({
    cpu: cpu === undefined ? undefined : `{"pct":${formatFloat(Number(cpu) / 100)}}`,
    memory: objectOf({ bytes: memory, quota: objectOf({ bytes: quota }) }),
    disk: objectOf({ bytes: disk }),
  })
  to.appendText(usage === undefined ? '}' : `,"container":${usage}}`)
}

/** Appends the objects of a container and its host, with whatever of it has no place among an app's. */
export function appendContainerNames(container: AppContainer, event: AppEvent, to: ByteBuffer): void {
  const { open, host } = textsOf(container)
  to.appendText(event.kind === CONTAINER_USAGE ? `${open}${furtherUsage(event.readings)}}${host}` : `${open}}${host}`)
  if (event.kind === CONTAINER_EVENT) appendHappening(event, to)
}

const texts = new WeakMap<AppContainer, { readonly open: string; readonly host: string }>()

function textsOf(container: AppContainer): { readonly open: string; readonly host: string } {
  let known = texts.get(container)
  if (known === undefined) {
    const { id, name, image, host } = container
    const { name: imageName, tag } = imageOf(image)
    const names = objectOf({
      id: text(id),
      name: text(name),
      image: objectOf({ name: text(imageName), tag: text(tag) }),
    })
    known = { open: `,"container":${names?.slice(0, -1) ?? '{'}`, host: host === '' ? '' : `,"host":{"name":${text(host)}}` }
    texts.set(container, known)
  }
  return known
}

function furtherUsage(readings: Readings): string {
  const direction = (prefix: 'rx' | 'tx') =>
    objectOf({ bytes: readings[`${prefix}_bytes`], errors: readings[`${prefix}_errors`], dropped: readings[`${prefix}_dropped`] })
  const usage = objectOf({
    network: objectOf({ ingress: direction('rx'), egress: direction('tx') }),
    disk: objectOf({ read: objectOf({ bytes: readings['read_bytes'] }), write: objectOf({ bytes: readings['write_bytes'] }) }),
    pids: readings['pids'],
  })
  return usage === undefined ? '' : `,${usage.slice(1, -1)}`
}

function appendHappening({ happening }: AppEvent, to: ByteBuffer): void {
  const { exitCode, signal, isOom } = happening
  if (exitCode !== undefined) to.appendText(`,"process":{"exit_code":${exitCode}}`)
  const docker = objectOf({ signal, oom: isOom === true ? 'true' : undefined })
  if (docker !== undefined) to.appendText(`,"docker":${docker}`)
}

/** An object of the members that are there, each as JSON; undefined where none is. */
function objectOf(members: Readonly<Record<string, string | undefined>>): string | undefined {
  const there = Object.entries(members).filter(([, value]) => value !== undefined)
  return there.length === 0 ? undefined : `{${there.map(([key, value]) => `"${key}":${value}`).join(',')}}`
}

function text(value: string): string | undefined {
  return value === '' ? undefined : JSON.stringify(value.toWellFormed())
}

/** `registry:5000/shop/web:1.2@sha256:…`: the tag is what is behind a colon in the last part of the path. */
function imageOf(image: string): { readonly name: string; readonly tag: string } {
  const [whole = ''] = image.split('@')
  const colon = whole.lastIndexOf(':')
  if (colon < 0 || whole.indexOf('/', colon) >= 0 || whole.startsWith('sha256:')) return { name: image, tag: '' }
  return { name: whole.slice(0, colon), tag: whole.slice(colon + 1) }
}
