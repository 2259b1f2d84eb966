/** The part of cf-nodejs-client 0.13 that is used here; the package has no types of its own. */
declare module 'cf-nodejs-client' {
  export interface RequestOptions {
    readonly method: string
    readonly url: string
    readonly headers?: Readonly<Record<string, string>>
    readonly qs?: Readonly<Record<string, string | number>>
  }

  /** What carries the requests. The methods below pass on what its promise brings, as it is. */
  export interface Rest {
    request(options: RequestOptions, expectedStatus: number, asJson: boolean): Promise<unknown>
  }

  class CloudControllerBase {
    constructor(endPoint: string)
    protected readonly API_URL: string
    protected readonly UAA_TOKEN: { readonly token_type: string; readonly access_token: string }
    REST: Rest
    setToken(token: { readonly token_type: string; readonly access_token: string }): void
  }

  export class Apps extends CloudControllerBase {
    getApps(query: Readonly<Record<string, string | number>>): Promise<unknown>
  }

  export class Spaces extends CloudControllerBase {
    getSpace(guid: string): Promise<unknown>
  }

  export class Organizations extends CloudControllerBase {
    getSummary(guid: string): Promise<unknown>
  }
}
