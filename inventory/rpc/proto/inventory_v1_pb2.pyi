from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Line(_message.Message):
    __slots__ = ("product_id", "sku", "quantity")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    sku: str
    quantity: int
    def __init__(self, product_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Allocation(_message.Message):
    __slots__ = ("location", "batch", "quantity", "eta")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ETA_FIELD_NUMBER: _ClassVar[int]
    location: str
    batch: str
    quantity: int
    eta: str
    def __init__(self, location: _Optional[str] = ..., batch: _Optional[str] = ..., quantity: _Optional[int] = ..., eta: _Optional[str] = ...) -> None: ...

class AvailabilityRequest(_message.Message):
    __slots__ = ("lines", "allow_incoming")
    LINES_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INCOMING_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    allow_incoming: bool
    def __init__(self, lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ..., allow_incoming: _Optional[bool] = ...) -> None: ...

class AvailableLine(_message.Message):
    __slots__ = ("product_id", "sku", "quantity", "available", "shortfall", "allocations", "promise_date")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    PROMISE_DATE_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    sku: str
    quantity: int
    available: int
    shortfall: int
    allocations: _containers.RepeatedCompositeFieldContainer[Allocation]
    promise_date: str
    def __init__(self, product_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., available: _Optional[int] = ..., shortfall: _Optional[int] = ..., allocations: _Optional[_Iterable[_Union[Allocation, _Mapping]]] = ..., promise_date: _Optional[str] = ...) -> None: ...

class AvailabilityResponse(_message.Message):
    __slots__ = ("lines", "promise_date")
    LINES_FIELD_NUMBER: _ClassVar[int]
    PROMISE_DATE_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[AvailableLine]
    promise_date: str
    def __init__(self, lines: _Optional[_Iterable[_Union[AvailableLine, _Mapping]]] = ..., promise_date: _Optional[str] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ("order_reference", "lines", "expires_in", "allow_incoming")
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INCOMING_FIELD_NUMBER: _ClassVar[int]
    order_reference: str
    lines: _containers.RepeatedCompositeFieldContainer[Line]
    expires_in: int
    allow_incoming: bool
    def __init__(self, order_reference: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[Line, _Mapping]]] = ..., expires_in: _Optional[int] = ..., allow_incoming: _Optional[bool] = ...) -> None: ...

class HeldLine(_message.Message):
    __slots__ = ("product_id", "sku", "quantity", "shipped", "unallocated", "allocations", "promise_date")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    SHIPPED_FIELD_NUMBER: _ClassVar[int]
    UNALLOCATED_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    PROMISE_DATE_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    sku: str
    quantity: int
    shipped: int
    unallocated: int
    allocations: _containers.RepeatedCompositeFieldContainer[Allocation]
    promise_date: str
    def __init__(self, product_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., shipped: _Optional[int] = ..., unallocated: _Optional[int] = ..., allocations: _Optional[_Iterable[_Union[Allocation, _Mapping]]] = ..., promise_date: _Optional[str] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("id", "order_reference", "status", "allow_incoming", "expires_at", "lines", "promise_date", "version", "created_at", "updated_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INCOMING_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PROMISE_DATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    order_reference: str
    status: str
    allow_incoming: bool
    expires_at: str
    lines: _containers.RepeatedCompositeFieldContainer[HeldLine]
    promise_date: str
    version: int
    created_at: str
    updated_at: str
    def __init__(self, id: _Optional[str] = ..., order_reference: _Optional[str] = ..., status: _Optional[str] = ..., allow_incoming: _Optional[bool] = ..., expires_at: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[HeldLine, _Mapping]]] = ..., promise_date: _Optional[str] = ..., version: _Optional[int] = ..., created_at: _Optional[str] = ..., updated_at: _Optional[str] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("reservation", "created")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    reservation: Reservation
    created: bool
    def __init__(self, reservation: _Optional[_Union[Reservation, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class ConfirmRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class ConfirmResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: Reservation
    def __init__(self, reservation: _Optional[_Union[Reservation, _Mapping]] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: Reservation
    def __init__(self, reservation: _Optional[_Union[Reservation, _Mapping]] = ...) -> None: ...

class AdjustRequest(_message.Message):
    __slots__ = ("product_id", "quantity_delta", "quantity", "expected_quantity", "reason", "reference", "note", "location", "release_latest")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_DELTA_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RELEASE_LATEST_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    quantity_delta: int
    quantity: int
    expected_quantity: int
    reason: str
    reference: str
    note: str
    location: str
    release_latest: bool
    def __init__(self, product_id: _Optional[str] = ..., quantity_delta: _Optional[int] = ..., quantity: _Optional[int] = ..., expected_quantity: _Optional[int] = ..., reason: _Optional[str] = ..., reference: _Optional[str] = ..., note: _Optional[str] = ..., location: _Optional[str] = ..., release_latest: _Optional[bool] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("product_id", "quantity", "reserved", "available", "incoming", "next_eta", "last_updated", "version")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    NEXT_ETA_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    quantity: int
    reserved: int
    available: int
    incoming: int
    next_eta: str
    last_updated: str
    version: int
    def __init__(self, product_id: _Optional[str] = ..., quantity: _Optional[int] = ..., reserved: _Optional[int] = ..., available: _Optional[int] = ..., incoming: _Optional[int] = ..., next_eta: _Optional[str] = ..., last_updated: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class AdjustResponse(_message.Message):
    __slots__ = ("inventory",)
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    inventory: Inventory
    def __init__(self, inventory: _Optional[_Union[Inventory, _Mapping]] = ...) -> None: ...
