// A client of the whole API, as docs/clients.md shows it; schema.ts is made by openapi-typescript.
import createClient from 'openapi-fetch'
import type { components, paths } from './schema.js'

export type Schemas = components['schemas']

// Every attribute is there, unless a request left some out with `fields[...]`.
export type Whole<T extends { attributes?: object }> = T & {
  attributes: Required<NonNullable<T['attributes']>>
}

export const stockroom = createClient<paths>({
  baseUrl: process.env.STOCKROOM_URL ?? 'http://127.0.0.1:8000',
  headers: { 'X-API-Key': process.env.STOCKROOM_KEY ?? '' },
  querySerializer: { array: { style: 'form', explode: false } } // sort=price,-name
})
