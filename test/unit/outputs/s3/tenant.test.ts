import { describe, expect, it } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { placeOf, type TenantLevel, tenantOf } from '../../../../src/outputs/s3/tenant.ts'

const ids = {
  app_guid: 'aaaaaaaa-0000-4000-8000-000000000001',
  space_guid: 'bbbbbbbb-0000-4000-8000-000000000002',
  org_guid: 'cccccccc-0000-4000-8000-000000000003',
}
const tenant = (names: { app?: string; space?: string; org?: string }, level: TenantLevel) => {
  const metadata = { app: 'cart', space: 'dev', org: 'shop', ...ids, ...names }
  return tenantOf(placeOf(App.of(ids.app_guid, metadata, 0, { documents: true }), level))
}

it.each([
  ['none', '', '', []],
  ['org', 'shop', 'org=shop/', [ids.org_guid, 'shop']],
  ['space', 'shop/dev', 'org=shop/space=dev/', [`${ids.org_guid}/${ids.space_guid}`, 'shop/dev']],
  ['app', 'shop/dev/cart', 'org=shop/space=dev/app=cart/', [`${ids.org_guid}/${ids.space_guid}/${ids.app_guid}`, 'shop/dev/cart']],
] as const)('%s: path %j, folder %j; recipients by GUID first', (level, path, folder, names) => {
  expect(tenant({}, level)).toEqual({ path, folder, names })
})

describe('no two tenants have one folder', () => {
  it.each([
    ['a name with a slash', 'a/b', 'a_b-cccccccc'],
    ['one that looks as if it had been cleaned', 'a_b-dddddddd', 'a_b-dddddddd-cccccccc'],
    ['one that would be a part of the key', '../dt=1', '.._dt_1-cccccccc'],
    ['no Latin letters', '店', '_-cccccccc'],
    ['a long one', 'x'.repeat(101), `${'x'.repeat(100)}-cccccccc`],
  ])('%s', (_, org, name) => {
    expect(tenant({ org }, 'org').folder).toBe(`org=${name}/`)
  })
})

describe('a name that could be read in two ways stands for nobody', () => {
  it.each([
    ['a slash in the name of a space', { space: 'dev/cart' }, 'space'],
    ['a name in the shape of a GUID', { org: 'dddddddd-0000-4000-8000-000000000004' }, 'org'],
  ] as const)('%s', (_, names, level) => {
    const { names: paths } = tenant(names, level)
    expect(paths).toHaveLength(1)
    expect(paths[0]).toMatch(/^cccccccc-/)
  })

  it('but an organization alone may have a slash', () => {
    expect(tenant({ org: 'a/b' }, 'org').names).toContain('a/b')
  })
})

it('an app that does not exist has a folder, and recipients by no name', () => {
  const { names, folder, path } = tenantOf(placeOf(App.nobody('x', { documents: true }), 'org'))
  expect(names).toEqual([])
  expect(path).toBe('(unknown)')
  expect(folder).toMatch(/^org=none-[0-9a-f]{8}\/$/)
})
