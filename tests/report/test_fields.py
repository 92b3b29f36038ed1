"""What is shown of a tenant's fields: what the plan says beside what is remembered, and no secret of either."""

from dataclasses import replace

from deployer.domain.documents import MISSING
from deployer.domain.merge3 import Memory, Verdict
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey, ResourceKind, ResourceMemory
from deployer.report.fields import owned_fields
from tests.factories import instance, path, planned
from tests.report.stage import change

SIZE, TOKEN = "settings.batchSize", "settings.apiToken"
EXPORT = ResourceKey(ResourceKind.EXPORT, "e1")


def test_a_field_is_told_with_what_was_planned_and_what_is_remembered() -> None:
    wanted = replace(planned(), changes=(change(SIZE, 100, 200),))
    [field] = owned_fields(wanted, instance(fields={path(SIZE): Memory(100, "100", MISSING)}))
    assert (field.path, field.change, field.memory) == (SIZE, change(SIZE, 100, 200), Memory(100, "100", MISSING))


def test_what_only_one_of_them_knows_is_told_too_the_plan_first() -> None:
    wanted = replace(planned(), changes=(change("name", MISSING, "x"),))
    fields = owned_fields(wanted, instance(fields={path(SIZE): Memory(1, 1, 1)}))
    assert [(field.path, field.change is None, field.memory is None) for field in fields] == [
        ("name", False, True),
        (SIZE, True, False),
    ]


def test_of_a_tenant_of_whom_nothing_is_remembered_the_plan_is_told() -> None:
    wanted = replace(planned(), changes=(change(SIZE, 100, 200),))
    assert [field.memory for field in owned_fields(wanted, None)] == [None]


def test_a_resource_has_the_name_of_the_manifest_and_else_what_it_is() -> None:
    size = PlannedResource(INTEGRATION, "integration", "i1", changes=(change(SIZE, 1, 2),))
    memory = {path(SIZE): Memory(1, 1, MISSING)}
    known = replace(instance(), resources={key: ResourceMemory("r1", fields=memory) for key in (INTEGRATION, EXPORT)})
    fields = owned_fields(replace(planned(), resources=(size,)), known)
    assert {field.path: field.change is not None for field in fields} == {
        f"integration.{SIZE}": True,
        f"export e1.{SIZE}": False,
    }
    assert all(field.memory == memory[path(SIZE)] for field in fields)


def test_what_is_named_like_a_secret_is_hidden_wherever_it_stands() -> None:
    fought = replace(change(TOKEN, "s3cret-live", "s3cret-ours", Verdict.CONFLICT), base="s3cret-base")
    memory = Memory({"a": "s3cret-sent"}, "s3cret-back", "s3cret-first")
    fields = owned_fields(replace(planned(), changes=(fought,)), instance(fields={path(TOKEN): memory}))
    assert "s3cret" not in repr(fields)
    assert fields[0].memory == Memory("***", "***", "***")
