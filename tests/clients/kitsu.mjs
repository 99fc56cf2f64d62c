// kitsu, with its pluralisation off.
import Kitsu from 'kitsu'
import { API, KEY, assert, laptop, run, stock } from './steps.mjs'

const api = new Kitsu({
  baseURL: API,
  camelCaseTypes: false,
  pluralize: false,
  resourceCase: 'none',
  headers: { 'X-API-Key': KEY }
})
let id

await run({
  async create() {
    const { data } = await api.create('products', laptop)
    assert.equal(data.name, laptop.name)
    id = data.id
  },
  async get() {
    const { data } = await api.get(`products/${id}`)
    assert.equal(data.price, '1299.99')
  },
  async list() {
    const { data, links, meta } = await api.get('products', {
      params: { page: { size: 1 }, sort: '-created_at', fields: { products: 'name' } }
    })
    assert.equal(data[0].id, id)
    assert.ok(meta.page.total >= 1)
    assert.ok(links.first)
  },
  async filter() {
    const { data } = await api.get('products', { params: { filter: { search: 'quiet lapt' } } })
    assert.ok(data.some((product) => product.id === id))
  },
  async update() {
    const { data } = await api.update('products', { id, name: 'Notebook' })
    assert.equal(data.name, 'Notebook')
  },
  async 'send back what it got'() {
    const got = await api.get(`products/${id}`)
    const { data } = await api.update('products', { ...got.data, name: 'Notebook 13' })
    assert.equal(data.name, 'Notebook 13')
  },
  async include() {
    await stock(id, 7)
    const { data } = await api.get(`products/${id}`, { params: { include: 'inventory' } })
    assert.equal(data.inventory.data.quantity, 7)
  },
  async related() {
    const { data } = await api.get(`products/${id}/inventory`)
    assert.equal(data.available, 7)
  },
  async 'decrement stock'() {
    const { data } = await api.update('inventory', { id, quantity_delta: -3 })
    assert.equal(data.quantity, 4)
  },
  async 'be refused'() {
    const error = await api.update('inventory', { id, quantity_delta: -5 }).catch((e) => e)
    assert.equal(error.response.status, 422)
    assert.equal(error.errors[0].code, 'insufficient_stock')
  },
  async delete() {
    await api.delete('products', id)
    const error = await api.get(`products/${id}`).catch((e) => e)
    assert.equal(error.response.status, 404)
  }
})
