import { expect, it } from 'vitest'
import { ownContainer } from '../../../../src/inputs/docker/inventory/own-container.ts'
import type { Described } from '../../../../src/inputs/docker/inventory/owner-source.ts'
import { parsePattern, type Selection, selectedOf } from '../../../../src/inputs/docker/inventory/selection.ts'
import { aliases, ownerSources, patterns } from '../../../../src/inputs/docker/kinds.ts'

const plain: Described = { id: 'f00', name: 'web-1', image: 'shop/web:1.2', host: 'node', labels: {}, env: [] }
const collect: Selection['collect'] = new Set(['logs', 'stats', 'events'])

function isRead(container: Partial<Described>, { include = [], exclude = [] }: { include?: string[]; exclude?: string[] }): boolean {
  const parse = (texts: readonly string[]) => texts.map((text) => parsePattern(text)).filter((pattern) => pattern !== undefined)
  return selectedOf({ ...plain, ...container }, { include: parse(include), exclude: parse(exclude), collect }, false).logs
}

it('reads all containers, those that an entry matches, and none that is excluded', () => {
  expect(isRead({}, {})).toBe(true)
  expect(isRead({}, { include: ['name=web-*'] })).toBe(true)
  expect(isRead({}, { include: ['name=web'] })).toBe(false)
  expect(isRead({}, { include: ['name=web-?', 'image=none'] })).toBe(true)
  expect(isRead({}, { include: ['image=/^shop\\/web:/'] })).toBe(true)
  expect(isRead({}, { include: ['name=web-1'], exclude: ['image=shop/*'] })).toBe(false)
  expect(isRead({ name: 'a.b' }, { include: ['name=a?b'] })).toBe(true)
  expect(isRead({ name: 'axb' }, { include: ['name=a.b'] })).toBe(false)
})

it('looks at labels and variables, that they are there or what they are', () => {
  const labels = { team: 'pay', empty: '' }
  const env = ['STAGE=prod', 'A=b=c']
  expect(isRead({ labels }, { include: ['label=team'] })).toBe(true)
  expect(isRead({ labels }, { include: ['label=team=p*'] })).toBe(true)
  expect(isRead({ labels }, { include: ['label=team=x'] })).toBe(false)
  expect(isRead({ labels }, { include: ['label=empty'] })).toBe(true)
  expect(isRead({ labels }, { include: ['label=toString'] })).toBe(false)
  expect(isRead({ env }, { include: ['env=A=b=c'] })).toBe(true)
  expect(isRead({ env }, { include: ['env=STAG'] })).toBe(false)
})

it('lets the labels of a container win over what the operator says of all, and never reads its own log', () => {
  const of = (labels: Readonly<Record<string, string>>, selection: Partial<Selection>, isOwn = false) =>
    selectedOf({ ...plain, labels }, { include: [], exclude: [], collect, ...selection }, isOwn)
  const exclude = [{ kind: 'name', key: '', value: /./ }] as const
  expect(of({ 'cfmr.logs': 'false' }, {})).toMatchObject({ logs: false, stats: true, events: true })
  expect(of({ 'cfmr.stats': 'false' }, {})).toMatchObject({ logs: true, stats: false, events: true })
  expect(of({ 'cfmr.logs': 'true' }, { exclude })).toMatchObject({ logs: true, stats: false, events: false })
  expect(of({ 'cfmr.logs': 'true' }, {}, true)).toMatchObject({ logs: false, stats: true, events: true })
  expect(of({ 'cfmr.logs': 'true' }, { collect: new Set(['stats']) })).toMatchObject({ logs: false, stats: true, events: false })
})

it('says of what is not read why, and never with a value of the environment', () => {
  const reasonsOf = (container: Partial<Described>, selection: Partial<Selection> = {}, isOwn = false) =>
    selectedOf({ ...plain, ...container }, { include: [], exclude: [], collect, ...selection }, isOwn).reasons
  const env = ['STAGE=hunter2']
  const matching = [{ kind: 'env', key: 'STAGE', value: /hunter2/ }] as const
  const all = (reason: string) => ({ logs: reason, stats: reason, events: reason })
  expect(reasonsOf({})).toEqual({})
  expect(reasonsOf({ env }, { exclude: matching })).toEqual(all('CFMR_DOCKER_EXCLUDE matches it'))
  expect(reasonsOf({}, { include: matching })).toEqual(all('CFMR_DOCKER_INCLUDE does not match it'))
  expect(reasonsOf({ env }, { include: matching })).toEqual({})
  expect(reasonsOf({ labels: { 'cfmr.logs': ' False ' } })).toEqual({ logs: 'its label cfmr.logs is false' })
  expect(reasonsOf({ labels: { 'cfmr.logs': 'true' } }, {}, true)).toEqual({ logs: 'it is the container that this worker runs in' })
  expect(reasonsOf({}, { collect: new Set(['logs']) })).toEqual({
    stats: 'CFMR_DOCKER_COLLECT is without stats',
    events: 'CFMR_DOCKER_COLLECT is without events',
  })
})

it('reads lists as operators write them, a comma within a regular expression too', () => {
  const read = (text: string) => (patterns({ desc: '' }) as unknown as { _parse: (text: string) => unknown[] })._parse(text)
  expect(read('name=a, image=/^b{1,2}$/, label=k=/x,y/,env=N')).toEqual([
    { kind: 'name', key: '', value: /^a$/u },
    { kind: 'image', key: '', value: /^b{1,2}$/u },
    { kind: 'label', key: 'k', value: /x,y/u },
    { kind: 'env', key: 'N', value: undefined },
  ])
  expect(read('image=shop/a,image=shop/b')).toHaveLength(2)
  for (const wrong of ['web', 'name=', 'names=x', 'name=/(/']) expect(() => read(wrong)).toThrow('entries such as')
  const owner = (text: string) => (ownerSources({ desc: '' }) as unknown as { _parse: (text: string) => unknown })._parse(text)
  expect(owner('env:APP, name')).toEqual([{ kind: 'env', key: 'APP' }, { kind: 'name' }])
  expect(() => owner('APP')).toThrow('a list of env:NAME')
  const alias = (text: string) => (aliases({ desc: '' }) as unknown as { _parse: (text: string) => unknown })._parse(text)
  expect(alias('web-1=shop, db=data=1')).toEqual(
    new Map([
      ['web-1', 'shop'],
      ['db', 'data=1'],
    ]),
  )
  expect(() => alias('web-1=a,web-1=b')).toThrow('each container once')
})

it('knows the container it runs in, and takes no container for it on the host', () => {
  const id = 'ab'.repeat(32)
  const other = 'cd'.repeat(32)
  const of = (files: Readonly<Record<string, string>>, host = 'node') => ownContainer((file) => files[file] ?? '', host)
  const inside = `700 600 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n`
  expect(of({ '/proc/self/mountinfo': inside })(id, 'x')).toBe(true)
  expect(of({ '/proc/self/mountinfo': inside })(other, 'x')).toBe(false)
  const onHost = `700 600 0:50 / /var/lib/docker/containers/${id}/mounts/shm rw - tmpfs shm rw\n`
  expect(of({ '/proc/self/mountinfo': onHost })(id, 'x')).toBe(false)
  expect(of({ '/proc/self/cgroup': `0::/system.slice/docker-${id}.scope\n` })(id, 'x')).toBe(true)
  expect(of({}, id.slice(0, 12))(id, id.slice(0, 12))).toBe(true)
  expect(of({}, 'node')(id, 'node')).toBe(false)
  expect(
    ownContainer(() => {
      throw new Error('no /proc')
    }, 'node')(id, 'x'),
  ).toBe(false)
})
