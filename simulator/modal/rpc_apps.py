"""Modal's RPCs of an app's life, as `app.deploy()`, `modal app list` and `modal app stop` send them (SDK 1.6.4).

A handler takes the desk and the request and gives the fields of the reply; None is an empty reply.
"""

from dataclasses import dataclass, field
from typing import Any

from modal_proto import api_pb2

from simulator.engine import US
from simulator.modal.cloud import ModalApp, ModalCloud, NotThere, Settings

Fields = dict[str, Any] | None
# A class's own function carries the tag `Name.*`; ids must have Modal's prefixes or the SDK raises ExecutionError.
CLASS_TAG = "Comfy.*"
METHOD = "run"
FORMATS = [api_pb2.DATA_FORMAT_CBOR]  # the only one on offer, so that nothing is ever unpickled here
INLINE_BYTES = 1 << 30  # payloads stay inline: the server may raise both limits per function


@dataclass(kw_only=True)
class Draft:
    """An app that was created and not yet published."""

    name: str
    tags: dict[str, str]
    settings: Settings | None = None


@dataclass(kw_only=True)
class Desk:
    """What the RPCs work on."""

    cloud: ModalCloud
    drafts: dict[str, Draft] = field(default_factory=dict)

    def app_of(self, function_id: str) -> ModalApp:
        """The app behind a function id."""
        if (app := self.cloud.apps.get(f"ap-{function_id[3:]}")) is None:
            raise NotThere(f"Function {function_id} not found")
        return app

    def named(self, name: str) -> ModalApp:
        """The deployed app of that name."""
        if (app := self.cloud.app_named(name)) is None:
            raise NotThere(f"App '{name}' not found in environment 'main'")
        return app


def function_id(app_id: str) -> str:
    """The id of an app's one function."""
    return f"fu-{app_id[3:]}"


def class_id(app_id: str) -> str:
    """The id of an app's one class."""
    return f"cs-{app_id[3:]}"


def handle_metadata(app_id: str) -> api_pb2.FunctionHandleMetadata:
    """What a client needs to call the class."""
    shared: dict[str, Any] = {
        "app_id": app_id,
        "function_type": api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        "supported_input_formats": FORMATS,
        "supported_output_formats": FORMATS,
        "max_object_size_bytes": INLINE_BYTES,
        "max_async_object_size_bytes": INLINE_BYTES,
    }
    method = api_pb2.FunctionHandleMetadata(
        function_name=CLASS_TAG.replace("*", METHOD), is_method=True, use_method_name=METHOD, **shared
    )
    return api_pb2.FunctionHandleMetadata(
        function_name=CLASS_TAG,
        class_parameter_info=api_pb2.ClassParameterInfo(),
        method_handle_metadata={METHOD: method},
        **shared,
    )


def function_data(settings: Settings) -> api_pb2.FunctionData:
    """The function as it was deployed. Without a ranked function the client raises ValueError (SDK 1.6.4)."""
    function = api_pb2.Function(
        function_name=CLASS_TAG,
        is_class=True,
        resources=api_pb2.Resources(
            gpu_config=api_pb2.GPUConfig(gpu_type=settings.gpu, count=1),
            milli_cpu=round(settings.cpu * 1000),
            memory_mb=round(settings.memory_gib * 1024),
        ),
    )
    return api_pb2.FunctionData(
        function_name=CLASS_TAG,
        is_class=True,
        method_definitions={METHOD: api_pb2.MethodDefinition(function_name=CLASS_TAG.replace("*", METHOD))},
        method_definitions_set=True,
        autoscaler_settings=api_pb2.AutoscalerSettings(
            scaledown_window=settings.scaledown_s, max_containers=settings.max_containers
        ),
        ranked_functions=[api_pb2.FunctionData.RankedFunction(function=function)],
        supported_input_formats=FORMATS,
        supported_output_formats=FORMATS,
    )


def app_by_name(desk: Desk, request: Any) -> Fields:
    """An unknown name is an empty reply, no error."""
    app = desk.cloud.app_named(request.name)
    return None if app is None else {"app_id": app.id, "environment_name": "main", "lifecycle": _lifecycle(app)}


def app_create(desk: Desk, request: Any) -> Fields:
    """A draft: it becomes an app, and costs anything, only when it is published."""
    app_id = desk.cloud.new_app_id()
    desk.drafts[app_id] = Draft(name=request.description, tags=dict(request.tags))
    return {"app_id": app_id, "app_page_url": f"https://modal.com/apps/{app_id}"}


def app_layout(desk: Desk, request: Any) -> Fields:
    """The objects of an app that is deployed again."""
    app = desk.cloud.apps[request.app_id]
    desk.drafts[app.id] = Draft(name=app.name, tags=dict(app.tags))
    layout = api_pb2.AppLayout(
        function_ids={CLASS_TAG: function_id(app.id)}, class_ids={CLASS_TAG.partition(".")[0]: class_id(app.id)}
    )
    return {"app_layout": layout}


def function_precreate(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """An id before the definition."""
    return {"function_id": function_id(request.app_id), "handle_metadata": handle_metadata(request.app_id)}


def function_create(desk: Desk, request: Any) -> Fields:
    """The definition: GPU, cores, memory and windows that the pool will obey."""
    settings = _settings(request.function)
    desk.drafts[request.app_id].settings = settings
    return {
        "function_id": function_id(request.app_id),
        "handle_metadata": handle_metadata(request.app_id),
        "function_data": function_data(settings),
    }


def class_create(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """The class around the function."""
    return {"class_id": class_id(request.app_id), "handle_metadata": api_pb2.ClassHandleMetadata()}


def app_publish(desk: Desk, request: Any) -> Fields:
    """The paid step: from here on a call may start a container."""
    draft = desk.drafts[request.app_id]
    if draft.settings is None:
        raise NotThere(f"App {request.app_id} has no function")
    app = desk.cloud.deploy(request.name, draft.settings, draft.tags, app_id=request.app_id)
    return {"url": f"https://modal.com/apps/{app.id}", "deployed_at": desk.cloud.site.engine.now_us / US}


def app_stop(desk: Desk, request: Any) -> Fields:
    """For good; its calls are terminated."""
    desk.cloud.stop(request.app_id)
    return None


def app_list(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """Deployed and recently stopped apps."""
    return {"apps": [_list_item(app) for app in desk.cloud.apps.values()]}


def app_tags(desk: Desk, request: Any) -> Fields:
    """The tags an app was deployed with."""
    return {"tags": dict(desk.cloud.apps[request.app_id].tags)}


def app_get(desk: Desk, request: Any) -> Fields:
    """`App.lookup` of a deployed app."""
    return {"app_id": desk.named(request.app_name).id}


def environment(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """The one environment; an image builder version is needed before any image can be described."""
    settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
    return {"environment_id": "en-1", "metadata": api_pb2.EnvironmentMetadata(name="main", settings=settings)}


def image(desk: Desk, request: Any) -> Fields:  # noqa: ARG001
    """Every layer is built already: a SUCCESS result needs no ImageJoinStreaming."""
    result = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
    metadata = api_pb2.ImageMetadata(image_builder_version="2025.06")
    return {"image_id": "im-1", "result": result, "metadata": metadata}


def _settings(function: Any) -> Settings:
    resources, scaler = function.resources, function.autoscaler_settings
    return Settings(
        gpu=resources.gpu_config.gpu_type,
        cpu=max(resources.milli_cpu, 125) / 1000,  # "min 0.125 core" (modal.com/pricing)
        memory_gib=resources.memory_mb / 1024,
        scaledown_s=scaler.scaledown_window or 60,  # default 60 s (Modal docs)
        max_containers=scaler.max_containers or 100,
        inputs_per_container=max(function.max_concurrent_inputs, 1),
    )


def _lifecycle(app: ModalApp) -> api_pb2.AppLifecycle:
    stopped = app.stopped_us is not None
    return api_pb2.AppLifecycle(
        app_state=api_pb2.APP_STATE_STOPPED if stopped else api_pb2.APP_STATE_DEPLOYED,
        created_at=app.created_us / US,
        deployed_at=app.created_us / US,
        stopped_at=(app.stopped_us or 0) / US,
        version=1,
    )


def _list_item(app: ModalApp) -> Any:
    lifecycle = _lifecycle(app)
    return api_pb2.AppListResponse.AppListItem(
        app_id=app.id,
        name=app.name,
        description=app.name,
        state=lifecycle.app_state,
        created_at=lifecycle.created_at,
        stopped_at=lifecycle.stopped_at,
        n_running_tasks=len(app.pool.alive()),
        metadata=api_pb2.AppHandleMetadata(
            app_id=app.id,
            description=app.name,
            environment_name="main",
            lifecycle=lifecycle,
            functions={CLASS_TAG: function_id(app.id)},
        ),
    )


def fixed(**fields: Any) -> Any:
    """A handler that always gives these fields."""
    return lambda _desk, _request: fields


RPCS = {
    "AppGetByDeploymentName": app_by_name,
    "AppCreate": app_create,
    "AppGetLayout": app_layout,
    "AppPublish": app_publish,
    "AppStop": app_stop,
    "AppList": app_list,
    "AppGetTags": app_tags,
    "AppGetOrCreate": app_get,
    "AppHeartbeat": fixed(),
    "AppClientDisconnect": fixed(),
    "TaskList": fixed(),
    "EnvironmentGetOrCreate": environment,
    "FunctionPrecreate": function_precreate,
    "FunctionCreate": function_create,
    "ClassCreate": class_create,
    "ImageGetOrCreate": image,
    "MountGetOrCreate": fixed(mount_id="mo-1", handle_metadata=api_pb2.MountHandleMetadata()),
    "SecretGetOrCreate": fixed(secret_id="st-1", metadata=api_pb2.SecretMetadata()),  # noqa: S106 - an id
    "VolumeGetOrCreate": fixed(volume_id="vo-1", metadata=api_pb2.VolumeMetadata()),
}
