import { request } from 'undici'

export interface InfluxQlOptions {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** Asks an InfluxDB 1.x what it holds. */
export interface InfluxQl {
  /** The rows of the first series of the answer, as objects; none where there is none. Rejects with what InfluxDB says. */
  query(influxQl: string, database?: string): Promise<Record<string, unknown>[]>
  /** Points of a measurement: how often its field `field` is there. */
  count(database: string, measurement: string, field: string): Promise<number>
}

export function influxQl({ url, username, password }: InfluxQlOptions): InfluxQl {
  const headers = username === undefined ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  const query = async (influxQl: string, database?: string) => {
    const q = new URLSearchParams({ q: influxQl, ...(database !== undefined && { db: database }) })
    const { body } = await request(`${url}/query?${q}`, { method: 'POST', headers })
    return rowsOf((await body.json()) as Answer)
  }
  return {
    query,
    count: async (database, measurement, field) => {
      const [row] = await query(`SELECT count("${field}") FROM "${measurement}"`, database)
      return Number(row?.['count'] ?? 0)
    },
  }
}

interface Answer {
  readonly error?: string
  readonly results?: readonly { readonly error?: string; readonly series?: readonly { columns: string[]; values: unknown[][] }[] }[]
}

function rowsOf({ error, results }: Answer): Record<string, unknown>[] {
  const [result] = results ?? []
  if (error ?? result?.error) throw new Error(`InfluxDB: ${error ?? result?.error}`)
  const [series] = result?.series ?? []
  return (series?.values ?? []).map((row) => Object.fromEntries(row.map((value, column) => [series?.columns[column] ?? '', value])))
}
